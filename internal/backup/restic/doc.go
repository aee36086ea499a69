// Package restic keeps backups in a repository of the program restic, which has to be
// installed: a local directory, S3-compatible storage or a server reached by SFTP. What it
// saves can be listed and restored with restic alone.
//
// Passwords and keys reach the program in files and variables, never as arguments. The
// package may import platform and its own port.
package restic
