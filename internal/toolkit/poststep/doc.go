// Package poststep are the native steps of the scenario post-deploy: it switches cron on,
// saves the configuration, warms pages up and measures how soon they respond. The shop is
// open by then: what fails here closes nothing.
package poststep
