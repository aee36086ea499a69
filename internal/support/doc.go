// Package support knows which versions of services Magento supports, in the words of the
// original, and until when versions are maintained: tables, for the toolkit's validators and
// for the advice that a push gets.
//
// It is pure, and asks the catalog first.
package support
