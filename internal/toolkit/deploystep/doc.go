// Package deploystep are the native steps of the scenario deploy, but for those that write
// sections of env.php. Data is touched from pre-deploy on, which
// tells the platform so; every step can be run again after a crash.
package deploystep
