// Package cron switches Magento's cron on and off, ends its running processes and those
// of queue consumers, and unlocks jobs that were left running: for the steps of deploy and
// post-deploy and for the commands cron:*. It starts nothing.
package cron
