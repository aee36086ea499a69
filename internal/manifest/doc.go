// Package manifest reads the configuration files of a project, .magento.app.yaml,
// services.yaml, routes.yaml, .magento.env.yaml and .sluice.yaml, and gives back one validated
// Manifest, or diagnostics with file, line and column, all of them in one run.
//
// Pushed files are hostile input: reading is bounded, nothing is executed, includes stay
// inside the repository and nothing panics. The package may import the nouns, the catalog
// and a YAML library; it does no I/O but through the fs.FS it is given.
package manifest
