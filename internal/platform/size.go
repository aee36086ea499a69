package platform

import "fmt"

// Megabytes says a number of bytes for people: "12.5 MB". A megabyte has 2^20 bytes, as in the
// "disk" of the configuration files.
func Megabytes(bytes int64) string { return fmt.Sprintf("%.1f MB", float64(bytes)/(1<<20)) }
