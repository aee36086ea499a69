// Package dbdump is the command db-dump: it writes the databases of the application into
// compressed files while the shop is closed and its cron is off. The
// dump itself is made by mysqldump or mariadb-dump; its password is not on a command line.
package dbdump
