package wire

import (
	"bufio"
	"bytes"
	"net/http"
	"reflect"
	"strings"
	"testing"
)

func TestOnlyPlainRequestsAreTaken(t *testing.T) {
	const host = "Host: shop.test\r\n"
	plain := map[string]string{
		"get":               "GET / HTTP/1.1\r\n" + host + "\r\n",
		"query":             "GET /a%2Fb?x=1;y=%zz HTTP/1.1\r\n" + host + "Cookie: a=b; c=\"d\"\r\n\r\n",
		"port":              "GET / HTTP/1.1\r\nHost: shop.test:8080\r\n\r\n",
		"keep-alive":        "HEAD / HTTP/1.1\r\n" + host + "Connection: Keep-Alive\r\n\r\n",
		"close":             "OPTIONS / HTTP/1.1\r\n" + host + "connection: close\r\n\r\n",
		"length":            "POST /cart HTTP/1.1\r\n" + host + "Content-Length: 5\r\n\r\n",
		"no body":           "POST /cart HTTP/1.1\r\n" + host + "\r\n",
		"empty value":       "GET / HTTP/1.1\r\n" + host + "A:\r\nA: \t \r\n\r\n",
		"name in any case":  "GET / HTTP/1.1\r\nhOST: shop.test\r\nx-a: 1\r\n\r\n",
		"slashes":           "GET //evil.test/a HTTP/1.1\r\n" + host + "\r\n",
		"dots are a path":   "GET /a/../b HTTP/1.1\r\n" + host + "\r\n",
		"question mark":     "GET /a? HTTP/1.1\r\n" + host + "\r\n",
		"two question mark": "GET /a?b? HTTP/1.1\r\n" + host + "\r\n",
	}
	for name, text := range plain {
		got, ok := ParseRequest([]byte(text))
		if !ok {
			t.Errorf("%s: refused", name)
			continue
		}
		same(t, text, got)
	}
	for name, text := range map[string]string{
		"1.0":                 "GET / HTTP/1.0\r\n" + host + "\r\n",
		"2.0":                 "GET / HTTP/2.0\r\n" + host + "\r\n",
		"no host":             "GET / HTTP/1.1\r\n\r\n",
		"two hosts":           "GET / HTTP/1.1\r\n" + host + host + "\r\n",
		"host with a path":    "GET / HTTP/1.1\r\nHost: a/b\r\n\r\n",
		"host with a user":    "GET / HTTP/1.1\r\nHost: a@b\r\n\r\n",
		"absolute":            "GET http://shop.test/ HTTP/1.1\r\n" + host + "\r\n",
		"asterisk":            "OPTIONS * HTTP/1.1\r\n" + host + "\r\n",
		"connect":             "CONNECT /a HTTP/1.1\r\n" + host + "\r\n",
		"unknown method":      "BREW / HTTP/1.1\r\n" + host + "\r\n",
		"two spaces":          "GET  / HTTP/1.1\r\n" + host + "\r\n",
		"space at the end":    "GET / HTTP/1.1 \r\n" + host + "\r\n",
		"fragment":            "GET /a#b HTTP/1.1\r\n" + host + "\r\n",
		"bad escape":          "GET /%zz HTTP/1.1\r\n" + host + "\r\n",
		"not ascii":           "GET /\xc3\xa4 HTTP/1.1\r\n" + host + "\r\n",
		"line feeds alone":    "GET / HTTP/1.1\nHost: shop.test\n\n",
		"one line feed alone": "GET / HTTP/1.1\r\nHost: shop.test\nA: b\r\n\r\n",
		"folded":              "GET / HTTP/1.1\r\n" + host + "A: b\r\n c\r\n\r\n",
		"space before colon":  "GET / HTTP/1.1\r\n" + host + "A : b\r\n\r\n",
		"no colon":            "GET / HTTP/1.1\r\n" + host + "A\r\n\r\n",
		"control character":   "GET / HTTP/1.1\r\n" + host + "A: \x01\r\n\r\n",
		"carriage return":     "GET / HTTP/1.1\r\n" + host + "A: b\rc\r\n\r\n",
		"chunked":             "POST / HTTP/1.1\r\n" + host + "Transfer-Encoding: chunked\r\n\r\n",
		"chunked in disguise": "POST / HTTP/1.1\r\n" + host + "Transfer-Encoding:\tchunked\r\nContent-Length: 3\r\n\r\n",
		"two lengths":         "POST / HTTP/1.1\r\n" + host + "Content-Length: 3\r\nContent-Length: 3\r\n\r\n",
		"list of lengths":     "POST / HTTP/1.1\r\n" + host + "Content-Length: 3, 3\r\n\r\n",
		"signed length":       "POST / HTTP/1.1\r\n" + host + "Content-Length: +3\r\n\r\n",
		"hexadecimal length":  "POST / HTTP/1.1\r\n" + host + "Content-Length: 0x3\r\n\r\n",
		"empty length":        "POST / HTTP/1.1\r\n" + host + "Content-Length:\r\n\r\n",
		"endless length":      "POST / HTTP/1.1\r\n" + host + "Content-Length: 99999999999999999999\r\n\r\n",
		"body of a get":       "GET / HTTP/1.1\r\n" + host + "Content-Length: 3\r\n\r\n",
		"upgrade":             "GET / HTTP/1.1\r\n" + host + "Upgrade: websocket\r\nConnection: Upgrade\r\n\r\n",
		"expect":              "POST / HTTP/1.1\r\n" + host + "Expect: 100-continue\r\nContent-Length: 3\r\n\r\n",
		"field of the hop":    "GET / HTTP/1.1\r\n" + host + "Connection: X-Secret\r\nX-Secret: 1\r\n\r\n",
		"pragma alone":        "GET / HTTP/1.1\r\n" + host + "Pragma: no-cache\r\n\r\n",
		"announced trailer":   "GET / HTTP/1.1\r\n" + host + "Trailer: A\r\n\r\n",
	} {
		if _, ok := ParseRequest([]byte(text)); ok {
			t.Errorf("%s: taken", name)
		}
	}
}

// same compares with net/http.
func same(t *testing.T, text string, got Request) {
	t.Helper()
	want, err := http.ReadRequest(bufio.NewReader(strings.NewReader(text)))
	if err != nil {
		t.Fatalf("net/http refuses %q: %v", text, err)
	}
	delete(want.Header, "Connection")
	have := got.Header.Clone()
	delete(have, "Connection")
	if got.Method != want.Method || got.Host != want.Host || got.Target != want.RequestURI || got.Length != want.ContentLength ||
		got.Close != want.Close || !reflect.DeepEqual(got.URL, want.URL) || !reflect.DeepEqual(have, want.Header) {
		t.Errorf("%q: we see %+v %+v\nnet/http %+v %+v", text, got, got.URL, want, want.URL)
	}
}

// FuzzRequest: what is taken here is exactly what net/http would have seen, and ends where
// net/http sees its end.
func FuzzRequest(f *testing.F) {
	f.Add([]byte("GET /a%20b?c HTTP/1.1\r\nHost: shop.test:80\r\nA: b\r\nCookie: c\r\n\r\n"))
	f.Add([]byte("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nConnection: close\r\n\r\nabc"))
	f.Add([]byte("DELETE // HTTP/1.1\r\nHost: x\r\nCache-Control: no-cache\r\nPragma: no-cache\r\n\r\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		end := HeadEnd(data, 0)
		if end < 0 {
			return
		}
		got, ok := ParseRequest(data[:end])
		if !ok {
			return
		}
		same(t, string(data[:end]), got)
		if i := bytes.Index(data, []byte("\r\n\r\n")); i+4 != end {
			t.Errorf("the head ends at %d, not at %d", end, i+4)
		}
	})
}
