package cache

import (
	"bytes"
	"fmt"
	"net/http"
	"net/http/httptest"
	"sync"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

const big = minTwin + 1

// direct asks for the answer of a path as a server does that sends from files.
func direct(tb testing.TB, rt *Route, method, path string) *whole {
	tb.Helper()
	req := get(tb.Context(), fmt.Sprintf("%s?%d", path, big))
	req.Method = method
	w := &whole{ResponseRecorder: httptest.NewRecorder(), direct: true}
	if !rt.Answer(w, req, false, false) {
		rt.Fill(w, req, false, http.HandlerFunc(sized))
	}
	return w
}

// contentOf returns what is in a file, nil for a closed one.
func contentOf(tb testing.TB, file syscall.RawConn) []byte {
	tb.Helper()
	b := make([]byte, 2*big)
	if file.Control(func(fd uintptr) {
		n, err := unix.Pread(int(fd), b, 0)
		if err != nil {
			tb.Error(err)
		}
		b = b[:n]
	}) != nil {
		return nil
	}
	return b
}

// What is large and popular is sent from a file, until it leaves the memory.
func TestTwins(t *testing.T) {
	for _, dir := range []string{"", t.TempDir()} {
		c, zone := open(t, Options{Memory: 1 << 20, Dir: dir})
		z, rt := zone()
		for i := range maxHits {
			if w := direct(t, rt, http.MethodGet, "/a"); w.file != nil {
				t.Errorf("request %d was answered from a file", i)
			}
		}
		before := c.Stats().Memory
		w := direct(t, rt, http.MethodGet, "/a")
		if w.file == nil || !bytes.Equal(contentOf(t, w.file), w.Body.Bytes()) || w.Body.Len() != big {
			t.Fatalf("a popular answer: file %v, %d bytes", w.file != nil, w.Body.Len())
		}
		if again := direct(t, rt, http.MethodGet, "/a"); again.file != w.file {
			t.Error("another file for the same answer")
		}
		if grown := c.Stats().Memory - before; grown != big {
			t.Errorf("the file is counted with %d bytes", grown)
		}
		if head := direct(t, rt, http.MethodHead, "/a"); head.file != nil || head.head == nil {
			t.Error("HEAD was answered with a file")
		}
		for range 2 * maxHits {
			cached(t, rt, "/small", minTwin-1)
			cached(t, rt, "/tls", big)
		}
		if n := c.store.twins.Load(); n != 1 {
			t.Errorf("%d files: small answers have none, and servers that cannot send them get none", n)
		}
		checkBooks(t, c)
		z.Purge()
		if contentOf(t, w.file) != nil || c.store.twins.Load() != 0 {
			t.Error("the file of a purged answer is open")
		}
		checkBooks(t, c)
	}
}

// Files go before the memory's limit is met, and come again with the bodies.
func TestTwinsLeaveWithTheirBodies(t *testing.T) {
	c, zone := open(t, Options{Memory: 1 << 20, Dir: t.TempDir()})
	_, rt := zone()
	for range 3 {
		for i := range 40 {
			for range maxHits + 2 {
				path := fmt.Sprintf("/%d", i)
				if w := direct(t, rt, http.MethodGet, path); w.file != nil && !bytes.Equal(contentOf(t, w.file), w.Body.Bytes()) {
					t.Fatalf("%s: the file of another answer", path)
				}
				if used := c.store.used.Load(); used > 1<<20 {
					t.Fatalf("%d bytes used", used)
				}
			}
		}
	}
	if n := c.store.twins.Load(); n == 0 || n > 20 {
		t.Errorf("%d files", n)
	}
	checkBooks(t, c)
}

// Whoever is being answered when an answer leaves gets it from its body.
func TestTwinsInConcurrentUse(t *testing.T) {
	c, zone := open(t, Options{Memory: 1 << 20})
	z, rt := zone()
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			for range 300 {
				w := direct(t, rt, http.MethodGet, "/a")
				if w.file == nil {
					continue
				}
				if b := contentOf(t, w.file); b != nil && !bytes.Equal(b, w.Body.Bytes()) {
					t.Error("a file that differs from the answer")
				}
			}
		})
	}
	all.Go(func() {
		for range 100 {
			z.Purge()
		}
	})
	all.Wait()
	checkBooks(t, c)
}
