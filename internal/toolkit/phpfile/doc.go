// Package phpfile reads and writes PHP array files of the application, app/etc/env.php and
// app/etc/config.php: at once, and only when something changes. Files that contain code are
// read by PHP. What the keys mean is not known here.
package phpfile
