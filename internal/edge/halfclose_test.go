package edge

import (
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"
)

// TestClientsThatCloseTheirSideAreAnswered: whichever server reads the request, a response
// that comes within a second is delivered, and one that does not is no status that the
// client would read.
func TestClientsThatCloseTheirSideAreAnswered(t *testing.T) {
	t.Parallel()
	slow := make(chan struct{})
	t.Cleanup(func() { close(slow) })
	backend := realBackend(t, func(w http.ResponseWriter, req *http.Request) {
		_, _ = io.Copy(io.Discard, req.Body)
		if strings.HasPrefix(req.URL.Path, "/slow") {
			select {
			case <-slow:
			case <-req.Context().Done():
			}
			return
		}
		_, _ = io.WriteString(w, "hello")
	})
	r, addr := onSockets(t, Options{})
	t.Cleanup(r.Finish)
	mustPublish(t, r, to("r1", backend))
	for _, tt := range []string{
		"GET / HTTP/1.0\r\nHost: shop.test\r\n\r\n",
		"GET / HTTP/1.1\r\nHost: shop.test\r\n\r\n",
		"POST / HTTP/1.1\r\nHost: shop.test\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
	} {
		ask := func(request string) string {
			c, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", addr)
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = c.Close() }()
			_ = c.SetDeadline(time.Now().Add(5 * time.Minute))
			send(t, c, request)
			_ = c.(*net.TCPConn).CloseWrite() //nolint:errcheck // it is one
			got, _ := io.ReadAll(c)
			return string(got)
		}
		if got := ask(tt); !strings.Contains(got, " 200 OK\r\n") || !strings.Contains(got, "hello") {
			t.Errorf("%.16q: %q", tt, got)
		}
		if got := ask(strings.Replace(tt, " / ", " /slow ", 1)); got != "" {
			t.Errorf("%.16q, slow: %q", tt, got)
		}
	}
}
