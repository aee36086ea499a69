package phparray

import "strconv"

// Key is a key of an array: an integer or a text. The zero Key is the text "".
type Key struct {
	text   string
	number int
	isInt  bool
}

// Int returns an integer key.
func Int(n int) Key { return Key{number: n, isInt: true} }

// Text returns the key that PHP makes of a text: "8" becomes the integer 8, "08" stays.
func Text(s string) Key {
	if n, ok := decimal(s); ok {
		return Int(n)
	}
	return Key{text: s}
}

// decimal reports whether PHP takes a text as an integer key.
func decimal(s string) (int, bool) {
	if s == "" || len(s) > 20 || s[0] != '-' && (s[0] < '0' || s[0] > '9') {
		return 0, false
	}
	n, err := strconv.Atoi(s)
	return n, err == nil && strconv.Itoa(n) == s
}

// Number returns an integer key's number; ok is false for a text.
func (k Key) Number() (n int, ok bool) { return k.number, k.isInt }

// String returns the key as a text.
func (k Key) String() string {
	if k.isInt {
		return strconv.Itoa(k.number)
	}
	return k.text
}
