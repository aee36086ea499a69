package front

import (
	"io"
	"net/http"
	"os"
	"runtime"
	"strings"
	"syscall"
	"testing"
)

// preparer is what the cache finds in a writer.
type preparer interface {
	WritePrepared(status int, head, body []byte) bool
	WriteFile(status int, head []byte, body int64, file syscall.RawConn, size int64) bool
	SendsFiles() bool
}

// An answer with a prepared head is like any other, and the connection goes on. It comes
// from its file while that is open.
func TestPreparedAnswers(t *testing.T) {
	body := strings.Repeat("x", 20_000) // more than is gathered
	stored := strings.Repeat("y", len(body))
	const head = "Content-Length: 20000\r\nX-A: b\r\n"
	all := "HTTP/1.1 200 OK\r\n" + head + "\r\n" + stored
	files := map[string]syscall.RawConn{"/file": fileWith(t, all, false), "/closed": fileWith(t, all, true)}
	_, addr := started(t, func(w http.ResponseWriter, req *http.Request) {
		p, ok := w.(preparer)
		if req.URL.RawQuery == "more" {
			w.Header().Set("X-More", "1")
		}
		b := []byte(body)
		if req.Method == http.MethodHead {
			b = nil
		}
		if f := files[req.URL.Path]; ok && f != nil && p.WriteFile(http.StatusOK, []byte(head), int64(len(b)), f, int64(len(all))) {
			return
		}
		if !ok || !p.WritePrepared(http.StatusOK, []byte(head), b) {
			_, _ = io.WriteString(w, "not prepared")
		}
	}, nil)
	if runtime.GOOS != "linux" {
		stored = body
	}
	c, r := dial(t, addr)
	for _, tt := range []struct{ request, a, body string }{
		{"GET / HTTP/1.1", "b", body},
		{"HEAD / HTTP/1.1", "b", ""},
		{"GET /?more HTTP/1.1", "", "not prepared"},
		{"GET /file HTTP/1.1", "b", stored},
		{"HEAD /file HTTP/1.1", "b", ""},
		{"GET /file?more HTTP/1.1", "", "not prepared"},
		{"GET /closed HTTP/1.1", "b", body},
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

func fileWith(t *testing.T, content string, closed bool) syscall.RawConn {
	t.Helper()
	f, err := os.CreateTemp(t.TempDir(), "")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = f.Close() })
	if _, err := f.WriteString(content); err != nil {
		t.Fatal(err)
	}
	raw, err := f.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	if closed {
		_ = f.Close()
	}
	return raw
}
