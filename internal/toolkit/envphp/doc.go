// Package envphp makes the sections of app/etc/env.php from what the platform says and what
// the project configures: cache, session, queue, db, resource, search, lock and the others, and what config:dump keeps of app/etc/config.php.
//
// Every section is a pure function of an [Input]; it returns the section and the [Note]s to
// log and touches nothing. [Gather] collects the Input from a Kit. Reading and writing the
// files is up to the steps in toolkit/configstep, which use toolkit/phpfile.
package envphp
