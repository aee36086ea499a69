// Package value holds PHP arrays as Go values: maps that keep the order of their keys, with
// the scalars of PHP. Stage variables, platform variables, env.php and config.php are made
// of them (spec: ece-tools A.5, F).
//
// A value is nil, bool, int, float64, string or *Map. A list is a Map with the keys "0",
// "1", ... The package knows no file, no variable and no section; it does no I/O.
package value
