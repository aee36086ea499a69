package cache

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"

	"sluice/internal/platform"
)

// open returns a cache and a function that makes routes of new zones in it.
func open(tb testing.TB, opts Options) (*Cache, func() (*Zone, *Route)) {
	tb.Helper()
	c, err := New(opts)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(c.Close)
	return c, func() (*Zone, *Route) {
		z := c.NewZone()
		rt, err := z.Route(platform.RouteCache{Enabled: true, DefaultTTL: 3600})
		if err != nil {
			tb.Fatal(err)
		}
		return z, rt
	}
}

// sized answers with as many bytes as the query says, made from the path.
func sized(w http.ResponseWriter, req *http.Request) {
	var n int
	_, _ = fmt.Sscan(req.URL.RawQuery, &n)
	_, _ = w.Write(bytes.Repeat([]byte(req.URL.Path), n/len(req.URL.Path)+1)[:n])
}

func cached(tb testing.TB, rt *Route, path string, size int) bool {
	tb.Helper()
	w := ask(rt, get(tb.Context(), fmt.Sprintf("%s?%d", path, size)), sized)
	want := string(bytes.Repeat([]byte(path), size/len(path)+1)[:size])
	if w.Code != http.StatusOK || w.Body.String() != want {
		tb.Fatalf("%s: %d, %d bytes that are not what was written", path, w.Code, w.Body.Len())
	}
	return w.Header().Get("X-Cache") == "HIT"
}

// The memory's limit is kept at every moment, and what is counted is what is there.
func TestMemoryIsBounded(t *testing.T) {
	for _, dir := range []string{"", t.TempDir()} {
		c, zone := open(t, Options{Memory: 1 << 20, Dir: dir, Disk: 4 << 20})
		_, rt := zone()
		r := rand.New(rand.NewPCG(1, 2))
		for range 5000 {
			cached(t, rt, fmt.Sprintf("/p%d", r.IntN(2000)), r.IntN(8000))
			if used := c.store.used.Load(); used > 1<<20 {
				t.Fatalf("%d bytes used", used)
			}
		}
		s := c.Stats()
		if s.Evicted == 0 || s.Entries == 0 || (dir != "") != (s.Disk > 0) || s.Disk > 4<<20 {
			t.Errorf("disk %q: %+v", dir, s)
		}
		checkBooks(t, c)
		rt.zone.Drop()
		if s := c.Stats(); s.Entries != 0 || s.Memory != 0 || c.store.spilled.Load() != 0 || c.store.zones.Load() != 0 {
			t.Errorf("left: %+v spilled %d zones %d", s, c.store.spilled.Load(), c.store.zones.Load())
		}
	}
}

// checkBooks compares the counters with what is in the shards.
func checkBooks(tb testing.TB, c *Cache) {
	tb.Helper()
	var used, entries, queued int64
	for i := range c.store.shards {
		sh := &c.store.shards[i]
		sh.mu.Lock()
		for _, r := range sh.resources {
			for _, e := range r.variants {
				used += e.cost
				entries++
				if e.queue != nil {
					queued += e.cost
				}
				if (e.body == nil && !e.mark()) != (e.place.segment != nil) && e.size > 0 {
					tb.Errorf("%s: body %d, place %v", r.path, len(e.body), e.place)
				}
			}
		}
		queued -= sh.small.bytes + sh.main.bytes
		sh.mu.Unlock()
	}
	if used != c.store.used.Load() || entries != c.store.entries.Load() || queued != 0 {
		tb.Errorf("counted %d bytes in %d entries, there are %d in %d; queues differ by %d", c.store.used.Load(), c.store.entries.Load(), used, entries, queued)
	}
}

func TestPopularAnswersOutlastACrawler(t *testing.T) {
	_, zone := open(t, Options{Memory: 1 << 20})
	_, rt := zone()
	popular := func() (hits int) {
		for i := range 50 {
			if cached(t, rt, fmt.Sprintf("/popular%d", i), 2000) {
				hits++
			}
		}
		return hits
	}
	popular()
	popular()
	for i := range 5000 {
		cached(t, rt, fmt.Sprintf("/crawled%d", i), 2000)
		if i%500 == 0 {
			popular()
		}
	}
	if hits := popular(); hits < 45 {
		t.Errorf("%d of 50 popular answers are left", hits)
	}
}

func TestAnEnvironmentDoesNotEmptyAnothers(t *testing.T) {
	_, zone := open(t, Options{Memory: 1 << 20})
	_, small := zone()
	_, flood := zone()
	for i := range 40 {
		cached(t, small, fmt.Sprintf("/mine%d", i), 4000)
	}
	for i := range 10_000 {
		cached(t, flood, fmt.Sprintf("/flood%d", i), 4000)
	}
	hits := 0
	for i := range 40 {
		if cached(t, small, fmt.Sprintf("/mine%d", i), 4000) {
			hits++
		}
	}
	if hits < 36 {
		t.Errorf("%d of 40 answers outlasted another environment's flood", hits)
	}
}

func TestVariantsOfOneURLAreBounded(t *testing.T) {
	c, zone := open(t, Options{})
	_, rt := zone()
	for i := range 1000 {
		req := get(t.Context(), "/a?10")
		req.Header.Set("X-Forwarded-Prefix", strconv.Itoa(i))
		ask(rt, req, sized)
	}
	if s := c.Stats(); s.Entries != maxVariants {
		t.Errorf("%+v", s)
	}
	checkBooks(t, c)
}

func TestBodiesComeBackFromDisk(t *testing.T) {
	c, zone := open(t, Options{Memory: 1 << 20, Dir: t.TempDir(), Disk: 16 << 20})
	_, rt := zone()
	for i := range 300 {
		cached(t, rt, fmt.Sprintf("/p%d", i), 5000)
	}
	hits := 0
	for i := range 300 {
		if cached(t, rt, fmt.Sprintf("/p%d", i), 5000) {
			hits++
		}
	}
	if hits != 300 || c.Stats().Disk == 0 {
		t.Errorf("%d of 300 answers are left: %+v", hits, c.Stats())
	}
	checkBooks(t, c)
}

// What is not what was written is never sent, whatever happened to the file.
func TestDamagedBodiesAreNotServed(t *testing.T) {
	for name, damage := range map[string]func(f *os.File) error{
		"overwritten": func(f *os.File) error { _, err := f.WriteAt([]byte("garbage"), 100); return err },
		"truncated":   func(f *os.File) error { return f.Truncate(50) },
		"zeroed":      func(f *os.File) error { _, err := f.WriteAt(make([]byte, 20_000), 0); return err },
	} {
		t.Run(name, func(t *testing.T) {
			c, zone := open(t, Options{Memory: 64 << 10, Dir: t.TempDir(), Disk: 16 << 20})
			_, rt := zone()
			for i := range 50 {
				cached(t, rt, fmt.Sprintf("/p%d", i), 20_000)
			}
			for _, s := range c.store.disk.segments {
				if err := damage(s.file); err != nil {
					t.Fatal(err)
				}
			}
			for i := range 50 {
				cached(t, rt, fmt.Sprintf("/p%d", i), 20_000) // fails when a body is not the right one
			}
			checkBooks(t, c)
		})
	}
}

// A process leaves no files, so another one has none that it could take for its own.
func TestDiskLeavesNothing(t *testing.T) {
	dir := t.TempDir()
	left := filepath.Join(dir, strings.Replace(segmentName, "*", "123", 1))
	other := filepath.Join(dir, "notes.txt")
	for _, name := range []string{left, other} {
		if err := os.WriteFile(name, []byte("x"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	_, zone := open(t, Options{Memory: 64 << 10, Dir: dir, Disk: 16 << 20})
	_, rt := zone()
	for i := range 50 {
		cached(t, rt, fmt.Sprintf("/p%d", i), 20_000)
	}
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) != 1 || entries[0].Name() != "notes.txt" {
		t.Errorf("the directory has %v %v", entries, err)
	}
}

func TestADirectoryThatCannotBeUsedIsSaidAtOnce(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if c, err := New(Options{Dir: filepath.Join(file, "cache")}); err == nil {
		c.Close()
		t.Error("no error")
	}
}

// A disk that fails costs answers, not requests.
func TestAFailingDiskCostsNoRequest(t *testing.T) {
	c, zone := open(t, Options{Memory: 64 << 10, Dir: t.TempDir(), Disk: 16 << 20})
	_, rt := zone()
	cached(t, rt, "/first", 20_000)
	for i := range 50 {
		cached(t, rt, fmt.Sprintf("/p%d", i), 20_000)
		for _, s := range c.store.disk.segments {
			_ = s.file.Close()
		}
	}
	checkBooks(t, c)
}

func TestConcurrentUse(t *testing.T) {
	c, zone := open(t, Options{Memory: 256 << 10, Dir: t.TempDir(), Disk: 2 << 20})
	var wg sync.WaitGroup
	for g := range 8 {
		_, rt := zone()
		_, shared := zone()
		wg.Go(func() {
			r := rand.New(rand.NewPCG(uint64(g), 1))
			for i := range 1500 {
				cached(t, rt, fmt.Sprintf("/p%d", r.IntN(100)), 4000)
				cached(t, shared, fmt.Sprintf("/s%d", r.IntN(20)), 9000)
				switch {
				case i%200 == 0:
					rt.zone.Purge()
				case i%50 == 0:
					_, _ = shared.zone.PurgeURL("//shop.test/s1", true)
				case i == 1400:
					rt.zone.Drop()
				}
			}
		})
	}
	wg.Wait()
	checkBooks(t, c)
	if used := c.store.used.Load(); used > 256<<10 {
		t.Errorf("%d bytes used", used)
	}
}
