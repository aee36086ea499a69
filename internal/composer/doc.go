// Package composer knows Composer's versions: normalised versions, their order, and
// constraints. The toolkit and the checks of configuration files use it.
//
// It is pure: it is given texts.
package composer
