package cache

import (
	"hash/maphash"
	"net/http"
	"slices"
)

// tagHeaders are the fields in which applications say what an answer was made from:
// Magento's, separated by commas, and those of content delivery networks, by spaces or
// commas. They are for a cache, not for visitors: Magento's configuration of Varnish and
// Fastly remove them, and so does this cache.
func tagHeaders() [3]string { return [...]string{"X-Magento-Tags", "Surrogate-Key", "Cache-Tag"} }

// maxTags is how many tags of an answer are kept. A listing of Magento has some hundreds.
const maxTags = 8192

// tags are those of one answer, as sorted hashes: two tags that share one are removed
// together, which loses an answer once in a lifetime and keeps thousands of tags small.
type tags struct {
	hashes []uint32
	any    bool // there are more than are kept: every tag may be one of them
}

// takeTags removes the tags from an answer's header and returns them.
func (s *store) takeTags(h http.Header) (t tags) {
	for _, name := range tagHeaders() {
		values, ok := h[name]
		if !ok {
			continue
		}
		delete(h, name)
		for _, list := range values {
			t.add(s.seed, list)
		}
	}
	t.sort()
	return t
}

// dropTags removes the tags from the header of an answer that is not kept.
func dropTags(h http.Header) {
	for _, name := range tagHeaders() {
		delete(h, name)
	}
}

// add reads a list.
func (t *tags) add(seed maphash.Seed, list string) {
	start := -1
	for i := 0; i <= len(list); i++ {
		if i < len(list) && !separates(list[i]) {
			if start < 0 {
				start = i
			}
			continue
		}
		if start >= 0 {
			if len(t.hashes) >= maxTags {
				t.any = true
				return
			}
			t.hashes = append(t.hashes, hashTag(seed, list[start:i]))
			start = -1
		}
	}
}

func separates(c byte) bool { return c == ',' || c == ' ' || c == '\t' }

func hashTag(seed maphash.Seed, tag string) uint32 { return uint32(maphash.String(seed, tag)) } //nolint:gosec // half of a hash is a hash

func (t *tags) sort() {
	if len(t.hashes) == 0 {
		return
	}
	slices.Sort(t.hashes)
	t.hashes = slices.Clip(slices.Compact(t.hashes))
}

// has reports whether one of the wanted tags may be among them.
func (t *tags) has(wanted []uint32) bool {
	if t.any {
		return true
	}
	for _, w := range wanted {
		if _, found := slices.BinarySearch(t.hashes, w); found {
			return true
		}
	}
	return false
}

// weight is what they take in memory.
func (t *tags) weight() int { return 4 * cap(t.hashes) }

// PurgeTags removes the answers that have one of the tags, and returns how many that were.
// Answers that were asked for before and arrive later are not kept.
func (z *Zone) PurgeTags(list []string) int {
	if z == nil || len(list) == 0 {
		return 0
	}
	wanted := make([]uint32, 0, len(list))
	for _, tag := range list {
		wanted = append(wanted, hashTag(z.cache.store.seed, tag))
	}
	z.epoch.Add(1)
	return z.cache.store.removeAll(func(e *entry) bool { return e.res.zone == z && e.tags.has(wanted) })
}
