package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"sluice/internal/edge/cache"
	"sluice/internal/edge/front"
)

// config is what the flags say.
type config struct {
	listen    string
	control   string
	state     string
	accessLog string
	health    string
	metrics   string
	takeOver  bool
	grace     time.Duration
	trusted   []netip.Prefix
	cache     cache.Options
	limits    front.Limits
	tls       tlsConfig
}

// takeOverFlag is what a router passes to the one that it starts in its place.
const takeOverFlag = "--take-over"

// parseConfig reads the flags. It returns flag.ErrHelp after it printed the usage.
func parseConfig(args []string, stderr io.Writer) (config, error) {
	var c config
	fs := flag.NewFlagSet("sluice-router", flag.ContinueOnError)
	fs.SetOutput(stderr)
	fs.StringVar(&c.listen, "listen", ":8080", "`address` to serve sites on")
	fs.StringVar(&c.control, "control", "", "`path` of the control socket (required)")
	fs.StringVar(&c.state, "state", "", "`path` of the state file (default: routes and holds do not survive a restart)")
	fs.StringVar(&c.accessLog, "access-log", "", "`path` to append one JSON line per request to")
	fs.StringVar(&c.health, "health", "/.well-known/sluice/health", "`path` of the health check, which responds 200 on every host; empty disables it")
	fs.StringVar(&c.metrics, "metrics", "", "`address` to serve GET /metrics on; do not expose it to visitors (default: on the control socket only)")
	fs.BoolVar(&c.takeOver, strings.TrimLeft(takeOverFlag, "-"), false, "take over from the router that runs with this control socket, if there is one, without refusing a connection")
	fs.DurationVar(&c.grace, "grace", 30*time.Second, "how long requests may take to finish after SIGTERM")
	c.cacheFlags(fs)
	fs.IntVar(&c.limits.Connections, "max-connections", 0, "`number` of open client connections (default: from the limit of open files)")
	fs.IntVar(&c.limits.PerAddress, "max-connections-per-address", defaultPerAddress, "`number` of open connections of one client address; trusted proxies are exempt, 0 disables the limit")
	fs.Func("trusted-proxies", "comma-separated `networks` of proxies whose X-Forwarded-For and X-Forwarded-Proto are trusted", c.trust)
	c.tls.flags(fs)
	if err := fs.Parse(args); err != nil {
		return c, err
	}
	if fs.NArg() > 0 {
		return c, fmt.Errorf("unexpected argument %q", fs.Arg(0))
	}
	if c.control == "" {
		return c, errors.New("--control is required: it is the only way to configure the router")
	}
	if c.limits.Connections < 0 || c.limits.PerAddress < 0 {
		return c, errors.New("limits of connections cannot be negative")
	}
	if c.limits.Connections == 0 {
		c.limits.Connections = connectionsWithin(openFiles())
	}
	c.limits.Exempt = c.isTrusted
	return c, c.tls.complete(c.control)
}

// defaultPerAddress is enough for the visitors of one office or carrier behind one address.
const defaultPerAddress = 1000

// connectionsWithin returns how many clients may be connected when so many files may be
// open: three quarters. The rest is for connections to applications, which idle and waiting
// clients do not need, and a reserve for the state file, logs, the cache and the control
// socket.
func connectionsWithin(files uint64) int {
	reserve := max(128, files/20)
	if files <= reserve {
		return 1
	}
	const most = 1 << 20
	return int(max(1, min(most, (files-reserve)/4*3)))
}

// openFiles returns the limit of open files, which Go raises to what the process may have.
func openFiles() uint64 {
	var l syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &l); err != nil {
		return 1024
	}
	return l.Cur
}

func (c *config) isTrusted(a netip.Addr) bool {
	return slices.ContainsFunc(c.trusted, func(p netip.Prefix) bool { return p.Contains(a) })
}

// cacheFlags are those of the HTTP cache, which all environments share.
func (c *config) cacheFlags(fs *flag.FlagSet) {
	c.cache = cache.Options{Memory: cache.DefaultMemory, Disk: cache.DefaultDisk, MaxObject: cache.DefaultMaxObject}
	fs.Func("cache-memory", "`size` of the HTTP cache in memory, such as 256M (default 64M)", bytesOf(&c.cache.Memory))
	fs.StringVar(&c.cache.Dir, "cache-dir", "", "`directory` for cache entries that do not fit in memory (default: memory only)")
	fs.Func("cache-disk", "maximum `size` of --cache-dir (default 1G)", bytesOf(&c.cache.Disk))
	fs.Func("cache-max-object", "maximum `size` of a cached response (default 8M)", bytesOf(&c.cache.MaxObject))
}

// bytesOf reads a size: bytes, or with K, M or G.
func bytesOf(n *int64) func(string) error {
	return func(s string) error {
		digits, shift := strings.TrimRight(s, "KMG"), map[string]int{"": 0, "K": 10, "M": 20, "G": 30}
		unit, ok := shift[s[len(digits):]]
		v, err := strconv.ParseInt(digits, 10, 32)
		if err != nil || !ok || v < 1 {
			return fmt.Errorf("%q is not a size; write it like 64M or 2G", s)
		}
		*n = v << unit
		return nil
	}
}

func (c *config) trust(list string) error {
	for s := range strings.SplitSeq(list, ",") {
		p, err := netip.ParsePrefix(strings.TrimSpace(s))
		if err != nil {
			return err
		}
		c.trusted = append(c.trusted, p.Masked())
	}
	return nil
}
