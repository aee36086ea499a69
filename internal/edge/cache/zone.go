package cache

import (
	"encoding/binary"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"

	"sluice/internal/platform"
)

// Zone is what one release of one environment answered. It is safe for concurrent use.
type Zone struct {
	cache *Cache
	id    uint64       // never used twice in a process
	used  atomic.Int64 // bytes in memory
	epoch atomic.Int64 // changes with every purge: answers asked for before are not kept
	gone  atomic.Bool
}

// NewZone returns an empty zone.
func (c *Cache) NewZone() *Zone { return &Zone{cache: c, id: c.zones.Add(1)} }

// Route binds a route's cache section to the zone. It returns nil without an error when
// the section says that the cache is off: a nil Route passes everything on. It returns
// CodeInvalid for a section that cannot be carried out.
func (z *Zone) Route(section platform.RouteCache) (*Route, error) {
	if !section.Enabled {
		return nil, nil //nolint:nilnil // no cache is a legal and common value
	}
	r, err := compile(section)
	if err != nil {
		return nil, err
	}
	return &Route{zone: z, rules: r, guards: guards()}, nil
}

// prefix begins a key.
func (z *Zone) prefix(b []byte, secure bool) []byte {
	b = binary.BigEndian.AppendUint64(b, z.id)
	if secure {
		return append(b, 's')
	}
	return append(b, 'p')
}

// Drop removes everything and keeps nothing from now on, also not what is being answered.
func (z *Zone) Drop() {
	if z == nil {
		return
	}
	z.gone.Store(true)
	z.Purge()
}

// Purge removes everything and returns how many answers that were. Answers that were
// asked for before and arrive later are not kept.
func (z *Zone) Purge() int {
	if z == nil {
		return 0
	}
	z.epoch.Add(1)
	return z.cache.store.removeAll(func(e *entry) bool { return e.res.zone == z })
}

// PurgeURL removes the answers of one URL, or with prefix of every URL that begins with
// it. The scheme may be left out, to mean both: "//host/path". Without a query it means
// that path with any query. It returns how many answers were removed, and CodeInvalid for
// what is not an absolute URL.
func (z *Zone) PurgeURL(address string, prefix bool) (int, error) {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" || u.User != nil || (u.Scheme != "" && u.Scheme != "http" && u.Scheme != "https") {
		return 0, platform.Errorf(platform.CodeInvalid, "%q is not a URL that could be in the cache", address).
			WithHint("write it as in the browser, for example https://shop.example/catalog/")
	}
	if z == nil {
		return 0, nil
	}
	path := u.Path
	if path == "" {
		path = "/"
	}
	z.epoch.Add(1)
	return z.cache.store.removeAll(func(e *entry) bool {
		r := e.res
		return r.zone == z && (u.Scheme == "" || r.secure == (u.Scheme == "https")) && strings.EqualFold(r.host, u.Host) &&
			(r.path == path && (u.RawQuery == "" || r.query == u.RawQuery) || prefix && strings.HasPrefix(r.path, path))
	}), nil
}

// invalidate removes what a request that may have changed it was for (RFC 9111 4.4).
func (z *Zone) invalidate(req *http.Request, secure bool) {
	var room [keyRoom]byte
	z.cache.store.removeURL(appendURL(z.prefix(room[:0], secure), req))
}
