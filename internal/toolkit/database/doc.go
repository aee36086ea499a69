// Package database opens the databases of the application for the steps and validators that
// ask them something: the connections that env.php gets, over the MySQL protocol. It implements kit.Databases.
//
// It is the only package of the toolkit that speaks SQL to a server; what is asked is up to
// its users. Passwords are in no error and no log line.
package database
