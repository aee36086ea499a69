package edge

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"sluice/internal/platform"
)

// unruly is visitors of whom some leave in the middle, some keep their connections and
// some send their body late.
type unruly struct {
	t    *testing.T
	addr string
	over atomic.Bool
	sent atomic.Int64
	wg   sync.WaitGroup

	answers [600]atomic.Int64 // by status
	orders  sync.Map          // that an application got: each once
}

func (u *unruly) visitor(name int) {
	u.wg.Go(func() {
		rnd := rand.New(rand.NewPCG(uint64(name), 7))
		for n := 0; !u.over.Load(); n++ {
			if err := u.visit(rnd, fmt.Sprintf("%d-%d", name, n)); err != nil {
				u.t.Errorf("visitor %d: %v", name, err)
				return
			}
		}
	})
}

// visit sends some requests on one connection. An answer that is none is an error.
func (u *unruly) visit(rnd *rand.Rand, order string) error {
	c, err := (&net.Dialer{}).DialContext(u.t.Context(), "tcp", u.addr)
	if err != nil {
		return err
	}
	defer func() { _ = c.Close() }()
	_ = c.SetDeadline(time.Now().Add(5 * time.Minute))
	in := bufio.NewReader(c)
	for i := range 1 + rnd.IntN(5) {
		id := fmt.Sprintf("%s-%d", order, i)
		head, body := "GET /"+id+" HTTP/1.1\r\nHost: shop.test\r\n\r\n", ""
		if rnd.IntN(3) == 0 {
			head, body = fmt.Sprintf("POST / HTTP/1.1\r\nHost: shop.test\r\nContent-Length: %d\r\n\r\n", len(id)), id
		}
		u.sent.Add(1)
		if _, err := io.WriteString(c, head); err != nil {
			return err
		}
		if rnd.IntN(8) == 0 {
			return nil // he leaves, with his request half sent or waiting
		}
		if _, err := io.WriteString(c, body); err != nil {
			return err
		}
		resp, err := http.ReadResponse(in, nil)
		if err != nil {
			return fmt.Errorf("%s: %w", id, err)
		}
		_, err = io.Copy(io.Discard, resp.Body)
		if err = errors.Join(err, resp.Body.Close()); err != nil {
			return err
		}
		u.answers[resp.StatusCode].Add(1)
		if resp.Close {
			return nil
		}
	}
	return nil
}

// serve is the application. An order that arrives twice was sent twice.
func (u *unruly) serve(w http.ResponseWriter, req *http.Request) {
	id := req.URL.Path
	if req.Method == http.MethodPost {
		body, err := io.ReadAll(req.Body)
		if err != nil {
			return // its visitor left
		}
		id = string(body)
		if _, before := u.orders.LoadOrStore(id, true); before {
			u.t.Errorf("order %s arrived twice", id)
		}
	}
	_, _ = io.WriteString(w, id)
}

// TestWhateverHappensAtOnce: holds, releases, deadlines, commits, offers and maintenance in
// any order, while visitors come and leave. Everybody is answered, nobody is forgotten, and
// the counters sum up.
func TestWhateverHappensAtOnce(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, start starter) {
		t.Helper()
		r, addr := start(t, Options{})
		u := &unruly{t: t, addr: addr}
		backends := []string{realBackend(t, u.serve), realBackend(t, u.serve)}
		release := func(n int) platform.Publication { return to(fmt.Sprint("r", n), backends[n%2]) }
		mustPublish(t, r, release(0))
		for name := range 40 {
			u.visitor(name)
		}
		rnd := rand.New(rand.NewPCG(1, 2))
		for n := range 150 {
			before := u.sent.Load()
			eventually(t, "visitors are there", func() bool { return u.sent.Load() > before+30 || r.Waiting() > 5 })
			if err := anything(t, r, rnd, n, release(n)); err != nil {
				t.Fatalf("step %d: %v", n, err)
			}
		}
		mustPublish(t, r, release(0))
		u.over.Store(true)
		u.wg.Wait()
		eventually(t, "nobody is inside", func() bool {
			s, _ := r.Status(testEnv)
			return s.InFlight+s.Waiting+s.LongLived == 0
		})
		m, waits := &r.gates, r.gates.Waits.Count()
		if m.Held.Load() != waits+m.TimedOut.Load()+m.Left.Load() || waits == 0 {
			t.Errorf("%d waited: %d went on, %d were turned away, %d left", m.Held.Load(), waits, m.TimedOut.Load(), m.Left.Load())
		}
		for status := range u.answers {
			if n := u.answers[status].Load(); n > 0 && status != http.StatusOK && status != http.StatusServiceUnavailable {
				t.Errorf("%d answers were %d", n, status)
			}
		}
	})
}

// anything does something to the environment.
func anything(t *testing.T, r *Router, rnd *rand.Rand, n int, next platform.Publication) error {
	t.Helper()
	var err error
	switch rnd.IntN(8) {
	case 0, 1, 2:
		_, err = r.Hold(t.Context(), platform.Hold{
			Environment: testEnv, Activity: fmt.Sprint("a", n/10), MaxRequests: 5 + rnd.IntN(40),
			MaxWait: time.Duration(1+rnd.IntN(50)) * time.Millisecond, DrainTimeout: time.Duration(1+rnd.IntN(5)) * time.Millisecond,
		})
	case 3:
		err = r.Commit(t.Context(), testEnv)
	case 4:
		err = r.Offer(t.Context(), next)
	case 5:
		_, err = r.Resume(t.Context(), testEnv)
	case 6:
		_, err = r.Close(t.Context(), testEnv, "")
	default:
		_, err = r.Publish(t.Context(), next)
	}
	return err
}
