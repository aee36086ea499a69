package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"sluice/internal/edge/cache"
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
	fs.StringVar(&c.state, "state", "", "`path` of the state file; without it nothing survives a restart")
	fs.StringVar(&c.accessLog, "access-log", "", "`path` to append one JSON line per request to")
	fs.StringVar(&c.health, "health", "/.well-known/sluice/health", "`path` that is answered 200 on every host; empty for none")
	fs.StringVar(&c.metrics, "metrics", "", "`address` to answer GET /metrics on, for operators only; they are on the control socket as well")
	fs.BoolVar(&c.takeOver, strings.TrimLeft(takeOverFlag, "-"), false, "take over from the router that runs with this control socket, if one does, without refusing a connection")
	fs.DurationVar(&c.grace, "grace", 30*time.Second, "how long requests may finish after SIGTERM")
	c.cacheFlags(fs)
	fs.Func("trusted-proxies", "comma-separated `networks` whose X-Forwarded-For and -Proto are believed", c.trust)
	c.tls.flags(fs)
	if err := fs.Parse(args); err != nil {
		return c, err
	}
	if fs.NArg() > 0 {
		return c, fmt.Errorf("unexpected argument %q", fs.Arg(0))
	}
	if c.control == "" {
		return c, errors.New("--control is missing: nobody could tell the router what to serve")
	}
	return c, c.tls.complete(c.control)
}

// cacheFlags are those of the HTTP cache, which all environments share.
func (c *config) cacheFlags(fs *flag.FlagSet) {
	c.cache = cache.Options{Memory: cache.DefaultMemory, Disk: cache.DefaultDisk, MaxObject: cache.DefaultMaxObject}
	fs.Func("cache-memory", "`size` of the HTTP cache in memory, such as 256M (default 64M)", bytesOf(&c.cache.Memory))
	fs.StringVar(&c.cache.Dir, "cache-dir", "", "`directory` for cached answers that memory has no room for; without it there are none")
	fs.Func("cache-disk", "`size` of what is in --cache-dir (default 1G)", bytesOf(&c.cache.Disk))
	fs.Func("cache-max-object", "`size` of the largest answer that is cached (default 8M)", bytesOf(&c.cache.MaxObject))
}

// bytesOf reads a size: bytes, or with K, M or G.
func bytesOf(n *int64) func(string) error {
	return func(s string) error {
		digits, shift := strings.TrimRight(s, "KMG"), map[string]int{"": 0, "K": 10, "M": 20, "G": 30}
		unit, ok := shift[s[len(digits):]]
		v, err := strconv.ParseInt(digits, 10, 32)
		if err != nil || !ok || v < 1 {
			return fmt.Errorf("%q is no size: write 64M or 2G", s)
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
