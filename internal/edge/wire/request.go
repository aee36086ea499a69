package wire

import (
	"net/http"
	"net/url"
	"strconv"
	"strings"
)

// Request is a plain request: one that cannot be understood in two ways.
type Request struct {
	Method string
	Target string
	URL    *url.URL
	Host   string
	Header http.Header // without Host
	Length int64       // of the body; 0 for none
	Close  bool        // the client wants no more on this connection
}

// ParseRequest reads a head that ends with an empty line. It reports false for everything
// that is not in the plainest form: then it is for a complete server to answer or refuse.
// Plain is a request of HTTP/1.1 in origin form, one host, line ends of CR LF, no control
// characters, a body of a stated length or none, and nothing about the connection but
// whether it stays.
func ParseRequest(head []byte) (Request, bool) {
	text := string(head)
	line, text, found := strings.Cut(text, "\r\n")
	if !found {
		return Request{}, false
	}
	method, rest, _ := strings.Cut(line, " ")
	target, version, _ := strings.Cut(rest, " ")
	r := Request{Method: method, Target: target}
	if version != "HTTP/1.1" || !plainMethod(method) || !plainTarget(target) {
		return Request{}, false
	}
	lines := strings.Count(text, "\n") - 1
	r.Header = make(http.Header, lines)
	values := make([]string, 0, lines) // one allocation for all
	length := ""
	for text != "\r\n" {
		if line, text, found = strings.Cut(text, "\r\n"); !found {
			return Request{}, false
		}
		name, value, ok := plainField(line)
		if !ok || !r.connection(name, value) {
			return Request{}, false
		}
		switch name {
		case "Host":
			if r.Host != "" || !plainHost(value) {
				return Request{}, false
			}
			r.Host = value
			continue
		case "Content-Length":
			if length != "" || value == "" {
				return Request{}, false
			}
			length = value
		}
		if have := r.Header[name]; have != nil {
			r.Header[name] = append(have, value)
			continue
		}
		values = append(values, value)
		n := len(values)
		r.Header[name] = values[n-1 : n : n]
	}
	if r.Host == "" || !r.body(length) {
		return Request{}, false
	}
	if r.Header["Pragma"] != nil && r.Header["Cache-Control"] == nil {
		return Request{}, false // net/http knows what that means
	}
	var err error
	r.URL, err = ParseTarget(target)
	return r, err == nil
}

// plainMethod knows the usual methods. A body that a GET may have is not plain.
func plainMethod(m string) bool {
	switch m {
	case http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete, http.MethodOptions:
		return true
	}
	return false
}

// body reads the length that the header states.
func (r *Request) body(length string) bool {
	if length == "" {
		return true
	}
	switch r.Method {
	case http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete:
	default:
		return false
	}
	for i := range len(length) {
		if length[i] < '0' || length[i] > '9' {
			return false
		}
	}
	n, err := strconv.ParseInt(length, 10, 64)
	r.Length = n
	return err == nil
}

// connection deals with fields that are about the connection. It reports false for those
// that a complete server has to see.
func (r *Request) connection(name, value string) bool {
	switch name {
	case "Transfer-Encoding", "Upgrade", "Expect", "Trailer", "Http2-Settings":
		return false
	case "Connection":
		if strings.EqualFold(value, "close") {
			r.Close = true
			return true
		}
		return strings.EqualFold(value, "keep-alive")
	}
	return true
}

// plainField splits a line and puts its name into canonical form.
func plainField(line string) (name, value string, ok bool) {
	i := strings.IndexByte(line, ':')
	if i <= 0 || !validToken(line[:i]) {
		return "", "", false
	}
	value = strings.Trim(line[i+1:], " \t")
	for j := range len(value) {
		if c := value[j]; c < ' ' && c != '\t' || c == 0x7f {
			return "", "", false
		}
	}
	return canonical(line[:i]), value, true
}

// plainTarget is an absolute path and a query in visible ASCII.
func plainTarget(t string) bool {
	if t == "" || t[0] != '/' {
		return false
	}
	for i := range len(t) {
		if t[i] <= ' ' || t[i] >= 0x7f || t[i] == '#' {
			return false
		}
	}
	return true
}

// plainHost is a name or an IPv4 address, with a port or not.
func plainHost(h string) bool {
	name, port, found := strings.Cut(h, ":")
	if name == "" || found && port == "" {
		return false
	}
	for i := range len(name) {
		c := name[i]
		if (c < '0' || c > '9') && (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && c != '-' && c != '.' && c != '_' {
			return false
		}
	}
	for i := range len(port) {
		if port[i] < '0' || port[i] > '9' {
			return false
		}
	}
	return true
}

// ParseTarget is url.ParseRequestURI, quicker for a path in which nothing is escaped.
func ParseTarget(target string) (*url.URL, error) {
	path, query, asked := strings.Cut(target, "?")
	for i := range len(path) {
		c := path[i]
		if (c < '0' || c > '9') && (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && c != '/' && c != '-' && c != '.' && c != '_' {
			return url.ParseRequestURI(target)
		}
	}
	return &url.URL{Path: path, RawQuery: query, ForceQuery: asked && query == ""}, nil
}
