package cache

import (
	"io"
	"net/http"
	"slices"
	"strconv"
	"time"
)

// holdBack is how much of an answer that is kept is read before any of it is sent: who
// waits for it does not wait for a slow client who was first.
const holdBack = 256 << 10

// mode is what a recorder does with an answer.
type mode int

const (
	undecided  mode = iota
	passing         // goes to the client as it comes
	keeping         // is read, and sent when it is complete
	streaming       // is kept and sent as it comes, because it is large
	confirming      // a 304 for what there is
	failing         // an error that something stale stands in for
)

// recorder is the application's answer on its way to the client and into the store.
type recorder struct {
	fill  *fill
	asked time.Time

	mode    mode
	status  int
	verdict verdict
	tags    tags
	length  int64 // of the body as the header says; -1 for unknown
	body    []byte
}

// Header returns the client's header: it is kept as it is when the status comes.
func (r *recorder) Header() http.Header { return r.fill.w.Header() }

// Unwrap lets http.ResponseController reach the connection.
func (r *recorder) Unwrap() http.ResponseWriter { return r.fill.w }

// WriteHeader decides what becomes of the answer.
func (r *recorder) WriteHeader(status int) {
	f := r.fill
	if status < http.StatusOK && status != http.StatusSwitchingProtocols {
		f.w.WriteHeader(status)
		return
	}
	if r.mode != undecided {
		return
	}
	r.status = status
	h := r.Header()
	_, magento := h["X-Magento-Tags"]
	r.tags = f.cache.store.takeTags(h)
	switch {
	case status == http.StatusNotModified && f.validates():
		r.mode = confirming
		return
	case status >= http.StatusInternalServerError && f.standsIn():
		r.mode = failing
		return
	}
	if magento {
		r.verdict = f.rt.rules.judgeMagento(f.req, status, h)
	} else {
		r.verdict = f.rt.rules.judge(f.req, status, h)
	}
	r.verdict.keep = r.verdict.keep && !f.ambiguous(r.verdict.vary)
	r.length = lengthOf(h)
	if r.verdict.keep && f.req.Method == http.MethodGet && r.length <= f.cache.opts.MaxObject {
		r.mode = keeping
		r.body = make([]byte, 0, max(512, min(r.length, holdBack)))
		return
	}
	r.pass()
	if r.lasting() {
		f.mark()
	}
	f.w.WriteHeader(status)
}

// lasting reports whether the next answer will likely not be kept either.
func (r *recorder) lasting() bool {
	switch r.status {
	case http.StatusNotModified, http.StatusPartialContent, http.StatusRequestedRangeNotSatisfiable:
		return false
	}
	return r.status < http.StatusBadRequest || keepable(r.status)
}

// pass lets the answer go as it comes.
func (r *recorder) pass() {
	r.mode = passing
	how := outcomeMiss
	if r.Header()["Set-Cookie"] != nil {
		how = outcomeBypass
	}
	r.fill.cache.counts[how].Add(1)
	how.set(r.Header())
	if r.fill.req.Context().Err() == nil { // else the client has left, and the response says nothing
		r.fill.landAlone()
	}
}

// standsIn reports whether what there is may be used instead of an error.
func (f *fill) standsIn() bool {
	return f.flight != nil && f.stale.entry != nil && f.stale.at(time.Now()) < f.stale.verdict.lifetime+f.stale.verdict.sie
}

func lengthOf(h http.Header) int64 {
	values := h["Content-Length"]
	if len(values) == 0 {
		return -1
	}
	n, err := strconv.ParseInt(values[0], 10, 64)
	if err != nil || n < 0 {
		return -1
	}
	return n
}

// Write takes a part of the body.
func (r *recorder) Write(p []byte) (int, error) {
	if r.mode == undecided {
		r.WriteHeader(http.StatusOK)
	}
	switch r.mode {
	case keeping, streaming:
		if !r.take(p) {
			if err := r.spoil(); err != nil {
				return 0, err
			}
		} else if r.mode == keeping {
			return len(p), r.stream()
		}
	case confirming, failing:
		return len(p), nil
	case undecided, passing:
	}
	return r.fill.w.Write(p)
}

// take adds to what is kept, unless that becomes too large, or all that is being read at
// this moment does.
func (r *recorder) take(p []byte) bool {
	c, n := r.fill.cache, int64(len(p))
	if c.pending.Add(n) > c.opts.Memory/2 || int64(len(r.body))+n > c.opts.MaxObject {
		c.pending.Add(-n)
		return false
	}
	r.body = append(r.body, p...)
	return true
}

// release gives back what take counted.
func (r *recorder) release() { r.fill.cache.pending.Add(-int64(len(r.body))) }

// spoil gives up keeping: what was held back is sent, and the rest goes as it comes.
func (r *recorder) spoil() error {
	var err error
	if r.mode == keeping {
		err = r.send()
	}
	r.release()
	r.body, r.mode = nil, passing
	r.fill.landAlone()
	return err
}

// stream begins to send what is too large to be held back.
func (r *recorder) stream() error {
	if len(r.body) <= holdBack {
		return nil
	}
	r.mode = streaming
	return r.send()
}

func (r *recorder) send() error {
	r.fill.cache.counts[outcomeMiss].Add(1)
	outcomeMiss.set(r.Header())
	r.fill.w.WriteHeader(r.status)
	_, err := io.Writer(r.fill.w).Write(r.body)
	return err
}

// ReadFrom copies a body that is not kept without a detour.
func (r *recorder) ReadFrom(src io.Reader) (int64, error) {
	if r.mode == passing {
		return io.Copy(r.fill.w, src)
	}
	return io.Copy(writerOnly{r}, src)
}

// writerOnly hides ReadFrom from io.Copy.
type writerOnly struct{ io.Writer }

// FlushError sends what the client has not got yet, of an answer that goes as it comes.
func (r *recorder) FlushError() error {
	if r.mode == undecided {
		r.WriteHeader(http.StatusOK)
	}
	if r.mode == keeping || r.mode == confirming || r.mode == failing {
		return nil
	}
	return http.NewResponseController(r.fill.w).Flush()
}

// Flush is FlushError for who asks for http.Flusher.
func (r *recorder) Flush() { _ = r.FlushError() }

// finish is called when the answer is complete.
func (r *recorder) finish() {
	if r.mode == undecided {
		r.WriteHeader(http.StatusOK)
	}
	switch r.mode {
	case keeping, streaming:
		r.kept()
	case confirming:
		r.confirmed()
	case failing:
		r.fill.land(r.fill.stale.entry, r.fill.body)
		r.replace(r.fill.stale.entry, outcomeStale)
	case undecided, passing:
	}
}

// kept stores a complete answer and sends it, if it is not sent yet.
func (r *recorder) kept() {
	f := r.fill
	whole := r.length < 0 || r.length == int64(len(r.body))
	e := newEntry(r.status, r.Header(), r.verdict, r.asked, time.Now())
	e.tags = r.tags
	if whole {
		body := slices.Clip(r.body)
		if cap(r.body) > len(r.body)+len(r.body)/8 {
			body = append(make([]byte, 0, len(r.body)), r.body...) // what is kept is what is counted
		}
		e.setLength(len(body))
		f.keep(e, body)
		f.land(e, body)
	}
	if r.mode == streaming {
		return
	}
	f.cache.counts[outcomeMiss].Add(1)
	h := r.Header()
	outcomeMiss.set(h)
	if r.length < 0 && whole && r.status != http.StatusNoContent {
		h["Content-Length"] = []string{strconv.Itoa(len(r.body))}
	}
	reply(f.w, f.req, r.status, e.etag, e.changed, r.body)
}

// confirmed renews what there is by the header of a 304, and sends it.
func (r *recorder) confirmed() {
	f := r.fill
	judge := func(h http.Header) verdict { return f.rt.rules.judge(f.req, f.stale.status, h) }
	e := f.stale.freshened(r.Header(), judge, r.asked, time.Now())
	if e.tags = r.tags; len(e.tags.hashes) == 0 { // what it was made from is what it was made from
		e.tags = f.stale.tags
	}
	if e.verdict.keep && !f.ambiguous(e.verdict.vary) {
		f.keep(e, f.body)
		f.land(e, f.body)
	} else {
		f.cache.store.discard(f.stale.entry)
		f.landAlone()
	}
	r.replace(e, outcomeRevalidated)
}

// replace sends an entry instead of the answer that came.
func (r *recorder) replace(e *entry, how outcome) {
	keepOnly(r.Header())
	r.fill.rt.send(r.fill.w, r.fill.req, &found{entry: e, body: r.fill.body}, how)
}
