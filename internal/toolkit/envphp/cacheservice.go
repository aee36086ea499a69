package envphp

import (
	"slices"
	"strings"

	"sluice/internal/toolkit/phparray"
	"sluice/internal/toolkit/services"
)

// The backends of the cache that speak to Redis or Valkey.
const (
	backendCm        = "Cm_Cache_Backend_Redis"
	backendRedis     = `\Magento\Framework\Cache\Backend\Redis`
	backendTwoLevels = `\Magento\Framework\Cache\Backend\RemoteSynchronizedCache`
	backendSymfony   = "symfony_l2" // Magento 2.4.9
)

// isRedisBackend reports whether a backend speaks to Redis or Valkey; a class may have a
// leading backslash, and later releases know short names.
func isRedisBackend(backend string) bool {
	names := []string{backendCm, backendRedis[1:], backendTwoLevels[1:], backendSymfony, "redis", "valkey"}
	return slices.Contains(names, strings.TrimPrefix(backend, `\`))
}

// hasTwoLevels reports whether a backend has its connection in remote_backend_options.
func hasTwoLevels(backend string) bool {
	backend = strings.TrimPrefix(backend, `\`)
	return backend == backendTwoLevels[1:] || backend == backendSymfony
}

// cacheService is the service that the cache is in, and what the project says about it.
type cacheService struct {
	name         string // "Redis" or "Valkey"
	prefix       string // of its variables
	main, slave  services.Endpoint
	backend      string
	useSlave     bool
	remoteSymbol string // short name of the backend
}

// cacheIn returns the service that the cache is in: Redis before Valkey when there are both.
func cacheIn(in Input) cacheService {
	v := in.Variables
	valkey := services.Valkey(in.Relationships)
	if redis := services.Redis(in.Relationships); redis.Exists() || !valkey.Exists() {
		return cacheService{"Redis", "REDIS_", redis, services.Find(in.Relationships, "redis-slave"), v.RedisBackend, v.RedisSlave, "redis"}
	}
	return cacheService{"Valkey", "VALKEY_", valkey, services.Find(in.Relationships, "valkey-slave"), v.ValkeyBackend, v.ValkeySlave, "valkey"}
}

// slaveOptions are the options that let reads go to the replica; empty when they are not
// wanted or cannot be.
func (s cacheService) slaveOptions(custom *phparray.Array) (options *phparray.Array, notes []Note) {
	if !s.useSlave || s.slave.Host() == "" {
		return phparray.New(), nil
	}
	if s.changedBy(custom) {
		return phparray.New(), []Note{notice("The variable '" + s.prefix + "USE_SLAVE_CONNECTION' is ignored as you've changed cache connection settings in 'CACHE_CONFIGURATION'")}
	}
	port := s.slave.Get("port")
	if port == nil {
		port = ""
	}
	from := phparray.Map("server", s.slave.Host(), "port", port)
	if password := s.slave.Text("password"); password != "" {
		from.Set("password", password)
	}
	return phparray.Map("load_from_slave", from, "read_timeout", 1, "retry_reads_on_master", 1), []Note{info("Set " + s.name + " slave connection")}
}

// changedBy reports whether the project's configuration names another server or port, also
// one of another type, as === would.
func (s cacheService) changedBy(custom *phparray.Array) bool {
	for _, frontend := range []string{"default", "page_cache"} {
		options := custom.Sub("frontend", frontend, "backend_options")
		if hasTwoLevels(s.backend) {
			options = options.Sub("remote_backend_options")
		}
		for field, own := range map[string]any{"server": s.main.Get("host"), "port": s.main.Get("port")} {
			if options.Has(field) && !phparray.Same(options.Get(field), own) {
				return true
			}
		}
	}
	return false
}

// lua are the options for scripts in the server, which Magento has since 2.4.7. They are written when the project turns them on.
func lua(in Input) *phparray.Array {
	if !in.Variables.Lua || !in.Magento.AtLeast("2.4.7") {
		return phparray.New()
	}
	options := phparray.Map("_useLua", in.Variables.LuaKey, "use_lua", true)
	if in.Magento.AtLeast("2.4.8") {
		options.Set("use_lua_on_gc", in.Variables.LuaOnGC)
	}
	return options
}
