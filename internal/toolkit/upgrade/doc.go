// Package upgrade begins bin/magento setup:upgrade before visitors wait. Most of the command's
// time goes into starting Magento, merging its configuration and comparing the schema that
// modules declare with that of the database. All of this only reads, and happens while the
// old release may still be serving; before the first change of the database the command waits.
//
// It knows no step of a scenario and decides nothing about whether an upgrade is needed. What
// it cannot begin early, and what it began on what has changed since, is left to the
// command as it is.
package upgrade
