package wire

import (
	"bytes"
	"net/http"
	"strings"
)

// Refuse returns the status with which a request is refused whose head two parties could
// understand differently although net/http accepts it, and 0 for any other. The head ends
// with an empty line.
//
//   - Lines that end in LF alone: what is one field to the one is two requests to the other.
//   - A length together with a coding, or a coding in HTTP/1.0 (RFC 9112 6.1).
//   - An expectation other than 100-continue (RFC 9110 10.1.1).
func Refuse(head []byte) int {
	var length, coding, old bool
	for first := true; len(head) > 0; {
		end := bytes.IndexByte(head, '\n')
		if end < 0 {
			return 0
		}
		line := head[:end]
		head = head[end+1:]
		if len(line) == 0 || line[len(line)-1] != '\r' {
			return http.StatusBadRequest
		}
		line = line[:len(line)-1]
		if first {
			first = len(line) == 0 // empty lines before a request are nothing
			old = bytes.HasSuffix(line, []byte(" HTTP/1.0"))
			continue
		}
		name, value, _ := strings.Cut(string(line), ":")
		switch {
		case strings.EqualFold(name, "Content-Length"):
			length = true
		case strings.EqualFold(name, "Transfer-Encoding"):
			coding = true
		case strings.EqualFold(name, "Expect") && !strings.EqualFold(strings.Trim(value, " \t"), "100-continue"):
			return http.StatusExpectationFailed
		}
	}
	if coding && (length || old) {
		return http.StatusBadRequest
	}
	return 0
}
