// Package packages tests the .deb packages: it installs them into a Debian of their own, which
// mmdebstrap makes, and looks at files, accounts, units, manual pages and completions, at an
// upgrade and at the removal. `make test-packages` builds what it needs.
package packages
