package edge

import (
	"bufio"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"sluice/internal/platform"
)

// BenchmarkProxy compares the router with the backend itself, on the same machine in the
// same run. The difference between the two lines is the router.
func BenchmarkProxy(b *testing.B) {
	for _, size := range []int{1 << 10, 100 << 10} {
		payload := []byte(strings.Repeat("x", size))
		backend := realBackend(b, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", strconv.Itoa(len(payload)))
			_, _ = w.Write(payload)
		})
		r, router := onSockets(b, Options{})
		mustPublish(b, r, to("r1", backend))
		for _, target := range []struct{ name, addr string }{{"direct", backend}, {"router", router}} {
			b.Run(fmt.Sprintf("%s/%dKiB", target.name, size>>10), func(b *testing.B) {
				client := clientOf(target.addr, 64)
				defer client.CloseIdleConnections()
				b.SetBytes(int64(size))
				b.ReportAllocs()
				b.SetParallelism(16)
				b.RunParallel(func(pb *testing.PB) {
					for pb.Next() {
						fetch(b, client)
					}
				})
			})
		}
	}
}

func fetch(b *testing.B, client *http.Client) {
	b.Helper()
	req, err := http.NewRequestWithContext(b.Context(), http.MethodGet, siteURL, nil)
	if err != nil {
		b.Error(err)
		return
	}
	resp, err := client.Do(req)
	if err != nil {
		b.Error(err)
		return
	}
	_, _ = io.Copy(io.Discard, resp.Body)
	_ = resp.Body.Close()
}

// heldRequests needs two descriptors each: see ulimit -n.
var heldRequests = flag.Int("held", 5_000, "requests that BenchmarkHeld holds")

// heldFor lets BenchmarkHeld show that nobody is lost meanwhile: -held 10000 -held-for 10s.
var heldFor = flag.Duration("held-for", 0, "how long BenchmarkHeld holds them")

// BenchmarkHeld holds as many requests as a router holds by default, reports what each of
// them costs the router's process (clients are counted in, they are bare connections),
// and how long the release takes to answer the last one.
func BenchmarkHeld(b *testing.B) {
	n := *heldRequests
	r, addr := onSockets(b, Options{})
	mustPublish(b, r, to("r1", realBackend(b, func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "ok") })))
	for b.Loop() {
		before := memory()
		if _, err := r.Hold(b.Context(), platform.Hold{Environment: testEnv, Activity: "a1", MaxRequests: n}); err != nil {
			b.Fatal(err)
		}
		conns := make([]net.Conn, n)
		for i := range conns {
			c, err := net.Dial("tcp", addr) //nolint:noctx // nothing to cancel
			if err != nil {
				b.Fatal(err)
			}
			if _, err := io.WriteString(c, "GET / HTTP/1.1\r\nHost: shop.test\r\nConnection: close\r\n\r\n"); err != nil {
				b.Fatal(err)
			}
			conns[i] = c
		}
		eventually(b, "all wait", func() bool { s, _ := r.Status(testEnv); return s.Waiting == n })
		b.ReportMetric(float64(memory()-before)/float64(n), "B/held")
		if *heldFor > 0 {
			time.Sleep(*heldFor)
			if s, _ := r.Status(testEnv); s.Waiting != n {
				b.Fatalf("%d of %d still wait after %s", s.Waiting, n, *heldFor)
			}
		}
		start, cpu := time.Now(), cpuTime()
		if _, err := r.Resume(b.Context(), testEnv); err != nil {
			b.Fatal(err)
		}
		readAll(b, conns)
		b.ReportMetric(float64(time.Since(start).Milliseconds()), "ms-to-last")
		b.ReportMetric(float64((cpuTime() - cpu).Milliseconds()), "cpu-ms-to-last") // on a busy machine, what counts
	}
}

func readAll(b *testing.B, conns []net.Conn) {
	b.Helper()
	var wg sync.WaitGroup
	for _, c := range conns {
		wg.Go(func() {
			defer func() { _ = c.Close() }()
			resp, err := http.ReadResponse(bufio.NewReaderSize(c, 512), nil)
			if err != nil {
				b.Error(err)
				return
			}
			_ = resp.Body.Close()
			if resp.StatusCode != http.StatusOK {
				b.Error(resp.Status)
			}
		})
	}
	wg.Wait()
}

// cpuTime returns what the process has used: router, clients and backend.
func cpuTime() time.Duration {
	var u unix.Rusage
	if unix.Getrusage(unix.RUSAGE_SELF, &u) != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// memory returns what the process has from the system in use: heap and stacks.
func memory() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapInuse + m.StackInuse
}

// BenchmarkReload publishes one environment among others with five routes each, without and
// with the state file, and reports what an environment costs.
func BenchmarkReload(b *testing.B) {
	for _, envs := range []int{10, 1000} {
		for _, saved := range []bool{false, true} {
			b.Run(fmt.Sprintf("envs=%d/saved=%v", envs, saved), func(b *testing.B) { reload(b, envs, saved) })
		}
	}
}

func reload(b *testing.B, envs int, saved bool) {
	b.Helper()
	before := memory()
	r, err := New(Options{})
	if err != nil {
		b.Fatal(err)
	}
	for i := range envs {
		p := publication("r1")
		p.Environment = platform.EnvironmentID(fmt.Sprint("shop-", i))
		p.Routes = nil
		for _, path := range []string{"", "blog/", "media/", "api/", "admin/"} {
			p.Routes = append(p.Routes, upstream(fmt.Sprintf("http://shop%d.test/%s", i, path)))
		}
		mustPublish(b, r, p)
	}
	each := float64(memory()-before) / float64(envs)
	if saved {
		r.state.path = b.TempDir() + "/state.json"
	}
	p := publication("r1")
	for n := 0; b.Loop(); n++ {
		p.Release = strconv.Itoa(n)
		mustPublish(b, r, p)
	}
	b.ReportMetric(each, "B/env")
}
