// Package sanitize is the command data:sanitize: it takes personal data, credentials and
// what is tied to one environment out of a copy of a Magento shop's data, before the copy
// is used for the first time. tables.txt and config.txt say what is done with each table and
// with each configuration path; tables that no line names are looked at by the names of
// their columns and by samples of their values.
//
// What is left is pseudonymised, not anonymous. Reading the rules and planning are pure; only
// run.go and what it calls change anything. No value of a customer is logged or returned in an error.
package sanitize
