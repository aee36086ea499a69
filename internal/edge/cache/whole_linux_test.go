package cache

import (
	"bytes"
	"fmt"
	"net/http"
	"net/http/httptest"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/sys/unix"
)

const large = minWhole + 1

// WriteFile reads what it is to send; nothing is read of a closed file.
func (w *answering) WriteFile(status int, head []byte, _ int64, file syscall.RawConn, size int64) bool {
	b := make([]byte, size+1)
	n, err := 0, error(nil)
	if file.Control(func(fd uintptr) { n, err = unix.Pread(int(fd), b, 0) }) != nil {
		return false
	}
	if err != nil || int64(n) != size {
		panic(fmt.Sprintf("%d bytes in a file of %d, %v", n, size, err))
	}
	w.Code, w.head, w.file = status, head, b[:n]
	return true
}

// asked asks for the answer of a path as a server does that sends from files.
func asked(tb testing.TB, rt *Route, method, path string) *answering {
	tb.Helper()
	req := get(tb.Context(), fmt.Sprintf("%s?%d", path, large))
	req.Method = method
	w := &answering{ResponseRecorder: httptest.NewRecorder(), direct: true}
	if !rt.Answer(w, req, false, false) {
		rt.Fill(w, req, false, http.HandlerFunc(sized))
	}
	return w
}

// often asks until the answer lies in a file.
func often(tb testing.TB, rt *Route, path string) *answering {
	tb.Helper()
	for range manyUses + 2 {
		asked(tb, rt, http.MethodGet, path)
	}
	return asked(tb, rt, http.MethodGet, path)
}

// checkFile compares what was sent from a file with what is sent otherwise.
func checkFile(tb testing.TB, w *answering, path string) {
	tb.Helper()
	body := bytes.Repeat([]byte(path), large/len(path)+1)[:large]
	want := append([]byte("HTTP/1.1 200 OK\r\n"), w.head...)
	want = append(append(want, "\r\n"...), body...)
	if !bytes.Equal(w.file, want) {
		tb.Errorf("%s: the file has %d bytes that are not the answer's %d", path, len(w.file), len(want))
	}
}

// kept is a cache with files somewhere.
type kept struct {
	*testing.T
	cache *Cache
	zone  *Zone
	route *Route
}

// inEachPlace runs a test with files in the cache's directory, and in memory.
func inEachPlace(t *testing.T, test func(k kept)) {
	t.Helper()
	for _, dir := range []string{"", t.TempDir()} {
		synctest.Test(t, func(t *testing.T) {
			c, zone := open(t, Options{Memory: 1 << 20, Dir: dir})
			z, rt := zone()
			test(kept{t, c, z, rt})
			checkBooks(t, c)
		})
	}
}

// What is large and asked for often comes from a file, whose head is that of the moment.
func TestWholeAnswers(t *testing.T) {
	inEachPlace(t, func(k kept) {
		asked(k, k.route, http.MethodGet, "/a") // asks the application
		before := k.cache.Stats().Memory
		for i := range manyUses {
			if w := asked(k, k.route, http.MethodGet, "/a"); w.file != nil {
				k.Errorf("use %d came from a file", i)
			}
		}
		first := asked(k, k.route, http.MethodGet, "/a")
		checkFile(k, first, "/a")
		if grown := k.cache.Stats().Memory - before; grown != int64(len(first.file)) {
			k.Errorf("a file of %d bytes is counted with %d", len(first.file), grown)
		}
		time.Sleep(time.Second)
		if w := asked(k, k.route, http.MethodGet, "/a"); w.file != nil || bytes.Equal(w.head, first.head) {
			k.Error("a file with an older head was sent")
		}
		second := often(k, k.route, "/a")
		checkFile(k, second, "/a")
		if n := k.cache.store.wholes.Load(); n != 1 || bytes.Equal(second.file, first.file) {
			k.Errorf("%d files", n)
		}
	})
}

// Files are for whole answers to servers that can send them, while the answer is kept.
func TestWhatHasNoFile(t *testing.T) {
	inEachPlace(t, func(k kept) {
		often(k, k.route, "/a")
		if head := asked(k, k.route, http.MethodHead, "/a"); head.file != nil || head.head == nil {
			k.Error("HEAD came from a file")
		}
		for range 2 * manyUses {
			cached(k, k.route, "/tls", large)
		}
		if n := k.cache.store.wholes.Load(); n != 1 {
			k.Errorf("%d files, one for a server that cannot send it", n)
		}
		k.zone.Purge()
		if n := k.cache.store.wholes.Load(); n != 0 || asked(k, k.route, http.MethodGet, "/a").file != nil {
			k.Errorf("%d files after a purge", n)
		}
	})
}

// Files leave with their bodies before the memory's limit is met.
func TestWholeAnswersAreCounted(t *testing.T) {
	c, zone := open(t, Options{Memory: 1 << 20, Dir: t.TempDir()})
	_, rt := zone()
	for range 3 {
		for i := range 40 {
			path := fmt.Sprintf("/%d", i)
			if w := often(t, rt, path); w.file != nil {
				checkFile(t, w, path)
			}
			if used := c.store.used.Load(); used > 1<<20 {
				t.Fatalf("%d bytes used", used)
			}
		}
	}
	if n := c.store.wholes.Load(); n == 0 || n > 20 {
		t.Errorf("%d files", n)
	}
	checkBooks(t, c)
}

// Whoever is being answered when an answer leaves gets it from its body.
func TestWholeAnswersInConcurrentUse(t *testing.T) {
	c, zone := open(t, Options{Memory: 1 << 20})
	z, rt := zone()
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			for range 300 {
				if w := asked(t, rt, http.MethodGet, "/a"); w.file != nil {
					checkFile(t, w, "/a")
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
