// Package phpdecl reads the declarations of a PHP file: what reflection, class loaders and
// Magento's code generators can see of it, without the bodies of methods.
//
// It does not check PHP: a file that it cannot follow is reported as such, and counts as a
// whole. It is pure and imports the standard library only.
package phpdecl
