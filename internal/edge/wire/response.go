package wire

import (
	"net/http"
	"strings"
)

// Framing says how a body ends.
type Framing int

// The ways in which a body ends.
const (
	NoBody     Framing = iota
	Length             // after Response.Length bytes
	Chunked            // with the last chunk and the trailer
	UntilClose         // with the connection
)

// Response is the head of a response.
type Response struct {
	Status  int
	Fields  []Field // all of them, hop-by-hop ones included
	Framing Framing
	Length  int64 // of a body of that framing
	// KeepAlive says that the connection may carry another response after this one's end.
	KeepAlive bool
}

// ParseResponse reads a head that ends with an empty line, as the response to a request
// with the method. fields is where its fields are put; it may be nil.
func ParseResponse(head []byte, method string, fields []Field) (Response, error) {
	text := string(head)
	line, text, _ := strings.Cut(text, "\n")
	status, minor, err := parseStatus(strings.TrimSuffix(line, "\r"))
	if err != nil {
		return Response{}, err
	}
	text = strings.TrimSuffix(strings.TrimSuffix(text, "\n"), "\r") // the empty line
	r := Response{Status: status}
	if r.Fields, err = parseFields(text, fields[:0]); err != nil {
		return Response{}, err
	}
	return r, r.frame(method, minor)
}

// parseStatus reads "HTTP/1.1 200 OK".
func parseStatus(line string) (status int, minor byte, err error) {
	const size = len("HTTP/1.1 200")
	if len(line) < size || line[:7] != "HTTP/1." || (line[7] != '0' && line[7] != '1') || line[8] != ' ' {
		return 0, 0, malformed("not a status line of HTTP/1.1")
	}
	for _, c := range []byte(line[9:size]) {
		if c < '0' || c > '9' {
			return 0, 0, malformed("the status is not a number")
		}
		status = status*10 + int(c-'0')
	}
	if status < 100 || len(line) > size && line[size] != ' ' || !validValue(line) {
		return 0, 0, malformed("not a status line of HTTP/1.1")
	}
	return status, line[7], nil
}

// frame decides how the body ends (RFC 9112 6.3).
func (r *Response) frame(method string, minor byte) error {
	r.KeepAlive = minor == '1'
	length, coded, closes := int64(-1), false, false
	for _, f := range r.Fields {
		var err error
		switch f.Name {
		case "Content-Length":
			length, err = sameLength(length, f.Value)
		case "Transfer-Encoding":
			if coded || !strings.EqualFold(f.Value, "chunked") {
				return malformed("a transfer coding other than chunked")
			}
			coded = true
		case "Connection":
			switch {
			case HasToken(f.Value, "close"):
				r.KeepAlive, closes = false, true
			case HasToken(f.Value, "keep-alive") && !closes:
				r.KeepAlive = true
			}
		}
		if err != nil {
			return err
		}
	}
	switch {
	case method == http.MethodHead, r.Status < 200, r.Status == http.StatusNoContent, r.Status == http.StatusNotModified:
		r.Framing = NoBody
	case coded:
		r.Framing = Chunked
		// With a length too, or from HTTP/1.0, somebody on the way may see another end.
		r.KeepAlive = r.KeepAlive && length < 0 && minor == '1'
	case length >= 0:
		r.Framing, r.Length = Length, length
		if length == 0 {
			r.Framing = NoBody
		}
	default:
		r.Framing, r.KeepAlive = UntilClose, false
	}
	return nil
}

// sameLength reads a length that may be given twice but not differently.
func sameLength(before int64, value string) (int64, error) {
	if value == "" || len(value) > 18 {
		return 0, malformed("a length that is not a number")
	}
	n := int64(0)
	for _, c := range []byte(value) {
		if c < '0' || c > '9' {
			return 0, malformed("a length that is not a number")
		}
		n = n*10 + int64(c-'0')
	}
	if before >= 0 && before != n {
		return 0, malformed("two different lengths")
	}
	return n, nil
}
