package catalog

import "time"

// redisUse is what the data of a Redis or Valkey is for.
type redisUse bool

const (
	redisCache      redisUse = false // lost when the service restarts
	redisPersistent redisUse = true
)

func redis(use redisUse) kind {
	return kind{
		software: "redis",
		suites:   map[string]string{bullseye: "6.0", bookworm: "7.0", trixie: "8.0"},
		service:  redisService("redis", use),
		debian: func(suite string, s *Service) *Debian {
			return redisDebian("redis", suite, []string{"redis-server"}, s)
		},
		official: func(_ string, s *Service) { redisOfficial("redis", s) },
	}
}

func valkey(use redisUse) kind {
	return kind{
		software: "valkey",
		suites:   map[string]string{trixie: "8.1"},
		service:  redisService("valkey", use),
		debian: func(suite string, s *Service) *Debian {
			return redisDebian("valkey", suite, []string{"valkey-server"}, s)
		},
		official: func(_ string, s *Service) { redisOfficial("valkey", s) },
	}
}

func redisService(name string, use redisUse) Service {
	s := Service{
		Endpoint: name, Scheme: name, Port: 6379,
		Stop: 10 * time.Second,
		Env: map[string]string{
			"SLUICE_MEMORY":           "${memory}",
			"SLUICE_MAXMEMORY_POLICY": "${properties.maxmemory_policy}",
		},
	}
	if use == redisPersistent {
		s.Persistent, s.DataDir, s.Stop = true, "/data", stopService
		s.Env["SLUICE_PERSISTENT"] = "1"
	}
	return s
}

func redisDebian(name, suite string, packages []string, s *Service) *Debian {
	s.User = serviceUser
	s.Command = []string{"/usr/lib/sluice/start-redis", name}
	s.Health = redisHealth(name)
	return &Debian{
		Suite:    suite,
		Packages: packages,
		Files:    []File{script("redis/start", "start-redis")},
		Script:   ownUser(name, "/var/lib/"+name) + "install -d -o " + serviceUID + " -g " + serviceUID + " /data\n",
	}
}

// redisOfficial hands the script of the assembled image to the published one, which has
// everything but the script.
func redisOfficial(name string, s *Service) {
	s.User = "999:1000"
	if name == "redis" {
		s.User = "999:999"
	}
	s.Command = []string{"sh", "-c", script("redis/start", "").Content, "start-redis", name}
	s.Health = redisHealth(name)
}

// redisHealth asks for the answer itself: the client exits with 0 for "LOADING" too.
func redisHealth(name string) []string {
	return []string{"sh", "-c", `[ "$(` + name + `-cli ping)" = PONG ]`}
}
