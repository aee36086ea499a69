// Package components finds what a tree registers with Magento's ComponentRegistrar: the
// files that Composer's autoloader and app/etc/NonComposerComponentRegistration.php would
// load, and the themes that they register.
//
// It runs no PHP. A small evaluator reads the statements that registrations consist of:
// literals, concatenation, variables, __DIR__, require, loops over literal lists and glob.
// What it cannot evaluate registers nothing.
package components
