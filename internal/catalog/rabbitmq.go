package catalog

func rabbitmq() kind {
	return kind{
		software: "rabbitmq",
		suites:   map[string]string{bullseye: "3.8", bookworm: "3.10", trixie: "4.0"},
		service: Service{
			Endpoint: "rabbitmq", Scheme: "amqp", Port: 5672,
			Persistent: true, DataDir: "/var/lib/rabbitmq",
			Credentials:  Credentials{Username: "guest", Password: true},
			SetupCommand: []string{"sh", "-c", script("rabbitmq/setup", "").Content},
			Stop:         stopService,
			Env: map[string]string{
				"HOME":              "/var/lib/rabbitmq",
				"RABBITMQ_NODENAME": "rabbit@localhost", // the data directory belongs to this name
				"SLUICE_MEMORY":     "${memory}",
			},
		},
		debian: func(suite string, s *Service) *Debian {
			s.User = serviceUser
			s.Command = []string{"/usr/lib/sluice/start-rabbitmq"}
			s.Health = rabbitmqHealth()
			s.Env["PATH"] = "/usr/lib/rabbitmq/bin:/usr/sbin:/usr/bin:/sbin:/bin" // Debian's wrappers insist on su
			return &Debian{
				Suite:    suite,
				Packages: []string{"rabbitmq-server"},
				Files:    []File{script("rabbitmq/start", "start-rabbitmq")},
				Script:   ownUser("rabbitmq", s.DataDir),
			}
		},
		official: func(_ string, s *Service) {
			s.User = "999:999"
			s.Command = []string{"sh", "-c", script("rabbitmq/start", "").Content}
			s.Health = rabbitmqHealth()
		},
	}
}

// rabbitmqHealth greets the server and waits for its answer; a command line tool of the
// server would start an Erlang machine each time.
func rabbitmqHealth() []string { return answers("5672", `AMQP\0\0\11\1`) }

// answers is a health check that connects to a local port, sends what printf makes of
// greeting and succeeds when at least a byte comes back within five seconds.
func answers(port, greeting string) []string {
	return []string{"timeout", "5", "bash", "-c", "exec 3<>/dev/tcp/127.0.0.1/" + port +
		" && printf '" + greeting + "' >&3 && IFS= read -r -N 1 -u 3"}
}
