// Package zerohold decides whether a deployment has to close the shop. It need not when
// the database is what the code expects: Magento's own checks say so (setup:db:status,
// app:config:status), and what they do not see, the list of modules, the topology of the
// queues, patches, schema files and the services in env.php, is as it was at the last
// setup:install or setup:upgrade.
//
// What was upgraded last is recorded in the database, in Magento's table flag, so that a
// database that is restored or copied brings the right answer along. When in doubt the
// shop is closed.
package zerohold
