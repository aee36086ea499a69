package front

import (
	"io"
	"net/http"
	"strings"
	"testing"
)

// preparer is what the cache finds in a writer.
type preparer interface {
	WritePrepared(status int, head, body []byte) bool
}

// A response with a prepared head is like any other, and the connection goes on.
func TestPreparedAnswers(t *testing.T) {
	body := strings.Repeat("x", 20_000) // more than is gathered
	const head = "Content-Length: 20000\r\nX-A: b\r\n"
	_, addr := started(t, func(w http.ResponseWriter, req *http.Request) {
		p, ok := w.(preparer)
		if req.URL.RawQuery == "more" {
			w.Header().Set("X-More", "1")
		}
		b := []byte(body)
		if req.Method == http.MethodHead {
			b = nil
		}
		if !ok || !p.WritePrepared(http.StatusOK, []byte(head), b) {
			_, _ = io.WriteString(w, "not prepared")
		}
	}, nil)
	c, r := dial(t, addr)
	for _, tt := range []struct{ request, a, body string }{
		{"GET / HTTP/1.1", "b", body},
		{"HEAD / HTTP/1.1", "b", ""},
		{"GET /?more HTTP/1.1", "", "not prepared"},
		{"GET / HTTP/1.1", "b", body},
	} {
		say(t, c, tt.request+"\r\nHost: shop.test\r\n\r\n")
		method, _, _ := strings.Cut(tt.request, " ")
		resp, err := http.ReadResponse(r, &http.Request{Method: method})
		if err != nil {
			t.Fatal(err)
		}
		got, err := io.ReadAll(resp.Body)
		_ = resp.Body.Close()
		if err != nil || string(got) != tt.body || resp.Header.Get("X-A") != tt.a {
			t.Errorf("%s: %d bytes, header %v, %v", tt.request, len(got), resp.Header, err)
		}
	}
}
