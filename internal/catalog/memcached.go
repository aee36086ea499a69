package catalog

import "time"

// memcached keeps everything in memory.
func memcached() kind {
	return kind{
		software: "memcached",
		suites:   map[string]string{bullseye: "1.6", bookworm: "1.6", trixie: "1.6"},
		service: Service{
			Endpoint: "memcached", Scheme: "memcached", Port: 11211,
			Command: []string{"sh", "-c", script("memcached/start", "").Content},
			Health:  answers("11211", `version\r\n`),
			Stop:    10 * time.Second,
			Env:     map[string]string{"SLUICE_MEMORY": "${memory}"},
		},
		debian: func(suite string, s *Service) *Debian {
			s.User = serviceUser
			return &Debian{
				Suite:    suite,
				Packages: []string{"memcached"},
				Script:   ownUser("memcache", "/var/lib/memcached"),
			}
		},
		official: func(_ string, s *Service) { s.User = "11211:11211" },
	}
}
