// Package phparray reads and writes files of PHP that return an array, such as Magento's
// app/etc/env.php and app/etc/config.php, without PHP.
//
// [Array] is an ordered map with the keys and the scalars of PHP, so that a file that is
// read, changed in one place and written again keeps the types, the order and the
// sections that this program does not know. [Parse] evaluates a subset of PHP that has no effects:
// literals, arrays, known constants, Foo::class, concatenation, sums and casts. Everything
// else is refused with its line and column, because guessing would lose data. [Export] and
// [ExportShort] write the two styles that Magento's own tools read and write.
//
// The package is pure: it opens no files and never runs PHP.
package phparray
