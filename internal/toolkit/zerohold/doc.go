// Package zerohold decides whether a deployment has to close the shop. It need not when
// the database is what the code expects: Magento's own checks say so (setup:db:status,
// app:config:status), and what they do not see is as it was at the last setup:install or
// setup:upgrade: the list of modules, patches, schema files, queues, indexers, integrations,
// themes, recurring scripts, and the services in env.php. Configuration in config.php and
// env.php that changed is imported without an upgrade.
//
// What was upgraded last is recorded in the database, in Magento's table flag, so that a
// database that is restored or copied brings the right answer along. When in doubt, also
// when something cannot be read, the shop is closed and upgraded.
package zerohold
