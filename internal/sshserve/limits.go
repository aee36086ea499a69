package sshserve

import (
	"cmp"
	"maps"
	"net"
	"net/netip"
	"sync"
	"time"
)

// Limits bound what clients use. Zero values stand for defaults.
type Limits struct {
	LoginTime  time.Duration // from the connection to the end of the log-in: 20s
	Logins     int           // connections that have not logged in yet: 512
	Address    int           // of one address, which many people may share: 256
	Failures   int           // failed connections of an address, before it has to wait: 30
	Forgive    time.Duration // after which one failure no longer counts: 2s
	User       int           // sessions and tunnels of a user: 400
	Place      int           // of an environment: 800
	Connection int           // of a connection: 100
}

func (l Limits) withDefaults() Limits {
	return Limits{
		LoginTime:  cmp.Or(l.LoginTime, 20*time.Second),
		Logins:     cmp.Or(l.Logins, 512),
		Address:    cmp.Or(l.Address, 256),
		Failures:   cmp.Or(l.Failures, 30),
		Forgive:    cmp.Or(l.Forgive, 2*time.Second),
		User:       cmp.Or(l.User, 400),
		Place:      cmp.Or(l.Place, 800),
		Connection: cmp.Or(l.Connection, 100),
	}
}

// counts says how many of something each key has.
type counts struct {
	mu    sync.Mutex
	byKey map[string]int
}

// take adds one to every key, or none when one of them would exceed its limit; full is
// that key then.
func (c *counts) take(limits map[string]int) (release func(), full string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for key, limit := range limits {
		if c.byKey[key] >= limit {
			return nil, key
		}
	}
	for key := range limits {
		c.byKey[key]++
	}
	return sync.OnceFunc(func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		for key := range limits {
			if c.byKey[key]--; c.byKey[key] == 0 {
				delete(c.byKey, key)
			}
		}
	}), ""
}

// door decides which connections may try to log in. Only failures cost something, so a
// machine that many people share is not locked out by their number.
type door struct {
	limits Limits
	now    func() time.Time
	open   counts

	mu       sync.Mutex
	forgiven map[string]time.Time // when an address is forgiven everything: each failure moves it on
}

const (
	everybody  = "" // the key of all addresses together
	maxFailing = 1 << 16
)

func newDoor(l Limits) *door {
	return &door{limits: l, now: time.Now, open: counts{byKey: map[string]int{}}, forgiven: map[string]time.Time{}}
}

// enter lets a connection of an address begin to log in.
func (d *door) enter(address string) (leave func(), ok bool) {
	if d.blocked(address) {
		return nil, false
	}
	leave, _ = d.open.take(map[string]int{everybody: d.limits.Logins, address: d.limits.Address})
	return leave, leave != nil
}

func (d *door) blocked(address string) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.forgiven[address].Sub(d.now()) > time.Duration(d.limits.Failures-1)*d.limits.Forgive
}

// failure counts a connection that ended without a login.
func (d *door) failure(address string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	now := d.now()
	if len(d.forgiven) >= maxFailing {
		maps.DeleteFunc(d.forgiven, func(_ string, until time.Time) bool { return !until.After(now) })
	}
	until, known := d.forgiven[address]
	if !known && len(d.forgiven) >= maxFailing {
		return // so many addresses at once are not one that guesses
	}
	if until.Before(now) {
		until = now
	}
	d.forgiven[address] = until.Add(d.limits.Forgive)
}

// addressOf returns the key of a client's address: of IPv6 the network that one customer has.
func addressOf(remote net.Addr) string {
	ap, err := netip.ParseAddrPort(remote.String())
	if err != nil {
		return remote.String()
	}
	addr := ap.Addr().Unmap()
	if addr.Is4() {
		return addr.String()
	}
	prefix, err := addr.WithZone("").Prefix(64)
	if err != nil {
		return addr.String()
	}
	return prefix.String()
}
