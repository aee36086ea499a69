// Package wizard tells whether a project is configured for the shortest deployment: the
// smart wizards, each a Report that is printed as text or JSON.
//
// Wizards read files and what the platform says; they run no Magento command, open no
// connection and change nothing. Texts and exit statuses are those that users of the
// original match on; wizard:all and the JSON are ours.
package wizard
