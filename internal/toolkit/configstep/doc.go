// Package configstep holds the steps of the deploy scenario that bring app/etc/env.php up to
// date: cache, crypt key, and everything that install and update have in common, and config:dump, which rewrites app/etc/config.php.
//
// What a section contains is decided by toolkit/envphp; here it is read, written and logged.
// A file is written at once, and only when something changes; before the first such write
// the platform learns that data is touched.
package configstep
