// Package tree is the application's directory: its named paths, its flag files, its Magento
// version, and the file operations of the steps, bounded by the directory.
//
// It knows files, not what they are for; it runs no program but through what it is given.
package tree
