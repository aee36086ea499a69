package envphp

import (
	"sluice/internal/toolkit/phparray"
)

// Cache makes the cache section before unreachable servers are left out. It is empty when there is neither a service nor a configuration of the project.
func Cache(in Input) (*phparray.Array, []Note) {
	custom, s := in.Variables.Cache, cacheIn(in)
	merge := phparray.MergeRequired(custom)
	if !merge && phparray.Truthy(custom.Get("frontend")) {
		var notes []Note
		if s.useSlave {
			notes = append(notes, notice("The variables '"+s.prefix+"USE_SLAVE_CONNECTION', '"+s.prefix+"BACKEND' are ignored as you set your own cache connection in 'CACHE_CONFIGURATION'"))
		}
		return phparray.WithoutMerge(custom).Clone(), notes
	}
	if !s.main.Exists() {
		return phparray.New(), nil
	}
	slave, notes := s.slaveOptions(custom)
	var cache *phparray.Array
	switch {
	case s.backend == backendSymfony:
		cache = symfonyCache(s, slave)
	case hasTwoLevels(s.backend):
		cache = twoLevelCache(s, phparray.Replace(slave, lua(in)))
	default:
		cache = plainCache(s, slave, lua(in))
	}
	if merge {
		cache = phparray.Replace(cache, phparray.WithoutMerge(custom))
	}
	return cache, notes
}

// plainCache has two frontends in two databases of the server.
func plainCache(s cacheService, slave, lua *phparray.Array) *phparray.Array {
	frontend := func(database int) *phparray.Array {
		options := phparray.Map("server", s.main.Host(), "port", s.main.Get("port"))
		if password := s.main.Text("password"); password != "" {
			options.Set("password", password)
		}
		options = phparray.Replace(options, slave)
		options.Set("database", database)
		f := phparray.Map("backend", s.backend, "backend_options", options)
		if slave.Len() > 0 {
			f.Set("frontend_options", phparray.Map("write_control", false))
		}
		return f
	}
	first := frontend(1)
	first.Set("backend_options", phparray.Replace(first.Sub("backend_options"), lua))
	return phparray.Map("frontend", phparray.Map("default", first, "page_cache", frontend(2)))
}

// twoLevelCache keeps copies of what the server has in local files.
func twoLevelCache(s cacheService, more *phparray.Array) *phparray.Array {
	remote := phparray.Replace(phparray.Map(
		"server", s.main.Host(), "port", s.main.Get("port"), "database", 1, "persistent", 0,
		"password", s.main.Text("password"), "compress_data", "1",
	), more)
	return phparray.Map(
		"frontend", phparray.Map("default", phparray.Map(
			"backend", backendTwoLevels,
			"backend_options", phparray.Map(
				"remote_backend", backendRedis, "remote_backend_options", remote,
				"local_backend", "Cm_Cache_Backend_File", "local_backend_options", phparray.Map("cache_dir", "/dev/shm/"),
			),
			"frontend_options", phparray.Map("write_control", false),
		)),
		"type", phparray.Map("default", phparray.Map("frontend", "default")),
	)
}

// symfonyCache is the two-level cache of Magento 2.4.9: some types of cache may be served
// stale while they are made again.
func symfonyCache(s cacheService, slave *phparray.Array) *phparray.Array {
	frontend := func(persistent, dir string) *phparray.Array {
		remote := phparray.Replace(phparray.Map(
			"server", s.main.Host(), "port", s.main.Get("port"), "database", 1, "persistent", persistent,
			"password", s.main.Text("password"), "compress_data", "1", "compression_lib", "gzip",
		), slave)
		return phparray.Map(
			"backend", backendSymfony,
			"backend_options", phparray.Map(
				"remote_backend", s.remoteSymbol, "remote_backend_options", remote,
				"local_backend", "file", "local_backend_options", phparray.Map("cache_dir", dir),
			),
			"frontend_options", phparray.Map("write_control", false),
		)
	}
	stale := frontend("magento_l2_stale", "/dev/shm/magento_l1_stale")
	stale.SetAt(true, "backend_options", "use_stale_cache")
	types := phparray.Map("default", phparray.Map("frontend", "default"))
	for _, name := range []string{"layout", "block_html", "reflection", "config_integration", "config_integration_api", "full_page", "translate"} {
		types.Set(name, phparray.Map("frontend", "stale_cache_enabled"))
	}
	return phparray.Map(
		"frontend", phparray.Map("default", frontend("magento_l2_default", "/dev/shm/magento_l1"), "stale_cache_enabled", stale),
		"type", types,
	)
}
