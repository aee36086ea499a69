package cache

import (
	"bytes"
	"net/http"
	"sync/atomic"
)

// The headers that say what the cache did. The first has the platform's values, HIT, MISS
// and BYPASS; the second says more.
const (
	platformHeader = "X-Platform-Cache"
	ownHeader      = "X-Cache"
	heldHeader     = "X-Sluice-Held" // the router's, about one request
)

// outcome is what the cache did for a request.
type outcome int

const (
	outcomeHit         outcome = iota // a fresh answer
	outcomeStale                      // a stale one, while it is renewed or because of an error
	outcomeHeld                       // a stale one, while requests are held
	outcomeRevalidated                // kept, and the application said that it is still right
	outcomeMiss                       // the application answered
	outcomeBypass                     // the cache had no part in it
	outcomes
)

// counts is how often each outcome was.
type counts [outcomes]atomic.Int64

// labels are the values of the two headers, shared by all answers.
type labels struct{ platform, own []string }

func (o outcome) labels() labels {
	switch o {
	case outcomeHit:
		return labels{hitValue[:], hitValue[:]}
	case outcomeStale:
		return labels{hitValue[:], staleValue[:]}
	case outcomeHeld:
		return labels{hitValue[:], heldValue[:]}
	case outcomeRevalidated:
		return labels{hitValue[:], revalidatedValue[:]}
	case outcomeMiss:
		return labels{missValue[:], missValue[:]}
	default:
		return labels{bypassValue[:], bypassValue[:]}
	}
}

//nolint:gochecknoglobals // constant header values: a map of headers wants slices, and a hit makes none
var (
	hitValue         = [...]string{"HIT"}
	staleValue       = [...]string{"STALE"}
	heldValue        = [...]string{"HELD-STALE"}
	revalidatedValue = [...]string{"REVALIDATED"}
	missValue        = [...]string{"MISS"}
	bypassValue      = [...]string{"BYPASS"}
)

// Stats is what a cache holds and did since it was made.
type Stats struct {
	Hits        int64 `json:"hits"`
	Stale       int64 `json:"stale"`
	HeldStale   int64 `json:"held_stale"`
	Revalidated int64 `json:"revalidated"`
	Misses      int64 `json:"misses"`
	Bypassed    int64 `json:"bypassed"`
	Evicted     int64 `json:"evicted"` // bodies that had to leave memory
	Entries     int64 `json:"entries"`
	Memory      int64 `json:"memory_bytes"`
	Disk        int64 `json:"disk_bytes"`
}

// Stats returns the present figures.
func (c *Cache) Stats() Stats {
	s := Stats{
		Hits: c.counts[outcomeHit].Load(), Stale: c.counts[outcomeStale].Load(), HeldStale: c.counts[outcomeHeld].Load(),
		Revalidated: c.counts[outcomeRevalidated].Load(), Misses: c.counts[outcomeMiss].Load(), Bypassed: c.counts[outcomeBypass].Load(),
		Evicted: c.store.evicted.Load(), Entries: c.store.entries.Load(), Memory: c.store.used.Load(),
	}
	if c.store.disk != nil {
		s.Disk = c.store.disk.bytes()
	}
	return s
}

// Said returns what the cache said of an answer in its header: HIT, MISS and so on, BYPASS
// where nothing is cached, "" for an answer that never met it. The first value of a field
// is the cache's, whatever an application adds.
func Said(h http.Header) string {
	platform, own := h[platformHeader], h[ownHeader]
	switch {
	case len(platform) == 0:
		return ""
	case platform[0] == bypassValue[0] || len(own) == 0:
		return bypassValue[0]
	default:
		return own[0]
	}
}

// SaidInHead is Said for the lines of a head that the cache made.
func SaidInHead(lines []byte) []byte {
	i := bytes.LastIndex(lines, []byte("\r\n"+ownHeader+": "))
	if i < 0 {
		return nil
	}
	said, _, _ := bytes.Cut(lines[i+len("\r\n"+ownHeader+": "):], []byte("\r\n"))
	return said
}
