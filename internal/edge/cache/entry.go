package cache

import (
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"time"
)

// entry is one kept answer. It does not change after it is in the store, but for what its
// shard's lock guards and for the atomic fields.
type entry struct {
	res    *resource
	config string
	vary   []varied

	status int // 0: a mark that this is not worth waiting for, see Route.mark
	names  []string
	values [][]string
	size   int64 // of the body

	born    time.Time // when its age was 0
	verdict verdict
	etag    string
	changed time.Time // Last-Modified; zero for none
	tags    tags

	age      atomic.Pointer[ageHeader]
	hits     atomic.Int32 // saturates at maxHits
	renewing atomic.Bool

	// guarded by the shard
	resident bool
	body     []byte // nil while it is on disk
	place    place  // on disk
	queue    *queue // nil while it is on disk
	cost     int64  // bytes in memory that it is counted with
	next     *entry // in queue
	prev     *entry
}

// ageHeader is an Age header of one moment, made once a second at most.
type ageHeader struct {
	seconds int64
	values  []string
	how     outcome
	lines   []byte // of the whole head, for how
}

// unkept are headers that belong to the connection or to one answer (RFC 9111 3.1), and
// what the router says about an answer.
func unkept(name string) bool {
	switch name {
	case "Connection", "Keep-Alive", "Proxy-Authenticate", "Proxy-Authentication-Info", "Proxy-Authorization", "Proxy-Connection",
		"Te", "Transfer-Encoding", "Upgrade", "Age", platformHeader, ownHeader, heldHeader:
		return true
	}
	return false
}

// newEntry returns an answer to keep.
func newEntry(status int, h http.Header, v verdict, asked, arrived time.Time) *entry {
	e := &entry{status: status, verdict: v, born: arrived.Add(-initialAge(h, asked, arrived)), etag: h.Get("Etag")}
	if t, err := http.ParseTime(h.Get("Last-Modified")); err == nil {
		e.changed = t
	}
	e.setHeader(h, arrived)
	return e
}

// setHeader copies what is kept of a header; nothing of it is shared with the caller.
func (e *entry) setHeader(h http.Header, arrived time.Time) {
	named := strings.ToLower(strings.Join(h["Connection"], ","))
	for name, values := range h {
		if unkept(name) || len(values) == 0 || strings.HasPrefix(name, http.TrailerPrefix) || (named != "" && strings.Contains(named, strings.ToLower(name))) {
			continue
		}
		e.names = append(e.names, name)
	}
	if !slices.Contains(e.names, "Date") {
		e.names = append(e.names, "Date")
	}
	slices.Sort(e.names)
	e.values = make([][]string, len(e.names))
	for i, name := range e.names {
		if values := h[name]; len(values) > 0 {
			e.values[i] = slices.Clip(slices.Clone(values))
		} else {
			e.values[i] = []string{arrived.UTC().Format(http.TimeFormat)}
		}
	}
}

// setLength makes the header say how long the body is.
func (e *entry) setLength(n int) {
	e.size = int64(n)
	if e.status == http.StatusNoContent {
		return
	}
	if i := slices.Index(e.names, "Content-Length"); i >= 0 {
		e.values[i] = []string{strconv.Itoa(n)}
		return
	}
	e.names, e.values = append(e.names, "Content-Length"), append(e.values, []string{strconv.Itoa(n)})
}

// freshened returns the entry as a 304 says that it is now (RFC 9111 4.3.4). h is the
// header of the 304; the body is the old one.
func (e *entry) freshened(h http.Header, judge func(http.Header) verdict, asked, arrived time.Time) *entry {
	merged := e.header()
	for name, values := range h {
		if name != "Content-Length" && name != "Content-Encoding" && name != "Content-Type" && name != "Content-Range" {
			merged[name] = values
		}
	}
	if _, dated := h["Date"]; !dated {
		delete(merged, "Date")
	}
	n := newEntry(e.status, merged, judge(merged), asked, arrived)
	n.size = e.size
	return n
}

// header returns a copy of the kept header.
func (e *entry) header() http.Header {
	h := make(http.Header, len(e.names)+4)
	for i, name := range e.names {
		h[name] = e.values[i]
	}
	return h
}

// mark reports whether the entry is a mark and no answer.
func (e *entry) mark() bool { return e.status == 0 }

// at returns how old the entry is.
func (e *entry) at(now time.Time) time.Duration { return max(0, now.Sub(e.born)) }

// aged returns the head for an age and an outcome.
func (e *entry) aged(age time.Duration, how outcome) *ageHeader {
	s := int64(age / time.Second)
	if a := e.age.Load(); a != nil && a.seconds == s && a.how == how {
		return a
	}
	a := &ageHeader{seconds: s, how: how, values: []string{strconv.FormatInt(s, 10)}}
	for i, name := range e.names {
		a.add(name, e.values[i])
	}
	l := how.labels()
	a.add("Age", a.values)
	a.add(platformHeader, l.platform)
	a.add(ownHeader, l.own)
	e.age.Store(a)
	return a
}

// add writes lines of the head. No value of a kept answer has a line end in it: see plain.
func (a *ageHeader) add(name string, values []string) {
	for _, v := range values {
		a.lines = append(append(append(append(a.lines, name...), ": "...), v...), "\r\n"...)
	}
}

const maxHits = 3

// hit notes a use. Writing only when it changes something keeps a popular answer's
// memory from going to and fro between processors.
func (e *entry) hit() {
	if n := e.hits.Load(); n < maxHits {
		e.hits.Store(n + 1)
	}
}

// weight is what the entry takes in memory without its body: an estimate from the sizes
// of its parts.
func (e *entry) weight() int64 {
	const fixed, perHeader = 512, 64
	n := fixed + len(e.config) + e.tags.weight()
	for i, name := range e.names {
		n += perHeader
		for _, v := range e.values[i] {
			n += 2 * (len(name) + len(v)) // and in the lines of its head
		}
	}
	for _, v := range e.vary {
		n += perHeader + len(v.name) + len(v.value)
	}
	return int64(n)
}

// matches reports whether the entry answers the request. scratch is room to work in.
func (e *entry) matches(k *key, scratch []byte, req *http.Request) bool {
	if e.config != string(k.config) {
		return false
	}
	for i := range e.vary {
		if !e.vary[i].matches(scratch, req) {
			return false
		}
	}
	return true
}
