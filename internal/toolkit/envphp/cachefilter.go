package envphp

import (
	"fmt"
	"strings"

	"sluice/internal/toolkit/fault"
	"sluice/internal/toolkit/phparray"
)

// CacheFrontend is one frontend of a cache section.
type CacheFrontend struct {
	Name    string
	Backend string
	Redis   bool            // it is in Redis or Valkey, by its backend or its marker
	Options *phparray.Array // of the connection: server, port, database, password
}

// codeCache is that of a cache server without host or port.
const codeCache = 101

// The markers by which a project says that its own backend is in Redis or Valkey.
const (
	customRedis  = "_custom_redis_backend"
	customValkey = "_custom_valkey_backend"
)

// CacheFrontends returns the frontends of a cache section, in order.
func CacheFrontends(cache *phparray.Array) []CacheFrontend {
	var out []CacheFrontend
	for key, v := range cache.Sub("frontend").All() {
		f, ok := v.(*phparray.Array)
		if !ok {
			continue
		}
		backend := f.Text("backend")
		options := f.Sub("backend_options")
		if hasTwoLevels(backend) {
			options = options.Sub("remote_backend_options")
		}
		redis := isRedisBackend(backend) || phparray.Truthy(f.Get(customRedis)) || phparray.Truthy(f.Get(customValkey))
		out = append(out, CacheFrontend{key.String(), backend, redis, options})
	}
	return out
}

// Endpoint returns server and port of a frontend in Redis; both are required, but the port
// may be part of the server.
func (f CacheFrontend) Endpoint() (server, port string, err error) {
	server, port = f.Options.Text("server"), f.Options.Text("port")
	if server == "" {
		return "", "", fault.New(codeCache, "Missing required Redis configuration 'server'!")
	}
	if f.Options.Has("port") && port != "" || strings.HasPrefix(server, "/") {
		return server, port, nil
	}
	rest := server
	if _, after, ok := strings.Cut(server, "://"); ok {
		rest = after
	}
	host, port, ok := strings.Cut(rest, ":")
	if !ok || port == "" {
		return "", "", fault.New(codeCache, "Missing required Redis configuration 'port'!")
	}
	return host, port, nil
}

// ReachableCache leaves the frontends out of a generated cache section whose server does not
// answer, and keeps the graphql part of the current one. It returns nil when the section
// is to be removed. reachable asks a server.
func ReachableCache(in Input, generated, current *phparray.Array, reachable func(server, port string) bool) (*phparray.Array, []Note, error) {
	cache := generated.Clone()
	for _, f := range CacheFrontends(cache) {
		old := strings.TrimPrefix(f.Backend, `\`)
		if (old == backendRedis[1:] || old == backendTwoLevels[1:]) && !in.Magento.AtLeast("2.3.0") {
			return nil, nil, fmt.Errorf("Magento version '%s' does not support Redis backend model '%s'", in.Magento, f.Backend)
		}
		if !f.Redis {
			continue
		}
		server, port, err := f.Endpoint()
		if err != nil {
			return nil, nil, err
		}
		if !reachable(server, port) {
			cache.Unset("frontend", f.Name)
		}
		cache.Unset("frontend", f.Name, customRedis)
		cache.Unset("frontend", f.Name, customValkey)
	}
	var note Note
	switch {
	case cache.Len() == 0:
		note = info("Cache configuration was not found. Removing cache configuration.")
		cache = nil
	case cache.Sub("frontend").Len() == 0:
		note = warning(2001, "Cache is configured for a "+cacheIn(in).name+" service that is not available. Configuration will be ignored.")
		cache = nil
	default:
		note = info("Updating cache configuration.")
	}
	if graphql := current.Get("graphql"); graphql != nil {
		if cache == nil {
			cache = phparray.New()
		}
		cache.Set("graphql", graphql)
	}
	return cache, []Note{note}, nil
}
