// Package journal is the toolkit's log: records with the eight levels, the line format of
// the console and of cloud.log, the JSON lines of cloud.error.log, redaction of secrets,
// and the handlers that send records elsewhere.
//
// It knows no step and no configuration file: it is given handlers and their levels.
package journal
