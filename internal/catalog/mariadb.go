package catalog

// mariadb is reached with all rights, for its health and its set-up, through a socket that
// trusts the operating system's user, so no password of an administrator exists.
func mariadb() kind {
	return kind{
		software: "mariadb",
		suites:   map[string]string{bullseye: "10.5", bookworm: "10.11", trixie: "11.8"},
		service: Service{
			Endpoint: "mysql", Scheme: "mysql", Port: 3306,
			Persistent: true, DataDir: "/var/lib/mysql",
			Credentials: Credentials{Username: "user", Password: true, Path: "main"},
			Stop:        stopService,
			Env:         map[string]string{"SLUICE_MEMORY": "${memory}"},
		},
		debian:   mariadbDebian,
		official: mariadbOfficial,
	}
}

func mariadbDebian(suite string, s *Service) *Debian {
	s.User = serviceUser
	s.Command = []string{"/usr/lib/sluice/start-mariadb"}
	s.Health = []string{"/usr/lib/sluice/health-mariadb"}
	s.SetupCommand = []string{"/usr/lib/sluice/setup-mariadb"}
	packages := []string{"mariadb-backup", "mariadb-client", "mariadb-server-core"}
	if suite == bullseye {
		packages = []string{"mariadb-backup", "mariadb-client", "mariadb-server-core-10.5"}
	}
	return &Debian{
		Suite:    suite,
		Packages: packages,
		Files: []File{
			script("mariadb/start", "start-mariadb"),
			script("mariadb/health", "health-mariadb"),
			script("mariadb/setup", "setup-mariadb"),
			asset("mariadb/defaults.cnf", "/etc/mysql/mariadb.conf.d/60-sluice.cnf", 0o644),
		},
		Script: ownUser("mysql", s.DataDir),
	}
}

// mariadbOfficial is for the images published as "mariadb": root may only come through
// the socket and has no password there.
func mariadbOfficial(version string, s *Service) {
	const socket = "/run/mysqld/mysqld.sock"
	s.User = "999:999"
	s.Tmpfs = []string{"/run/mysqld"}
	client, server := "mariadb", "mariadbd"
	if CompareVersions(version, "10.5") < 0 {
		client, server = "mysql", "mysqld"
	}
	s.Command = []string{"sh", "-c", "if [ -r /etc/sluice/my.cnf ]; then set -- --defaults-extra-file=/etc/sluice/my.cnf; fi; " +
		"exec docker-entrypoint.sh " + server + ` "$@" --skip-name-resolve`}
	// While it makes the system tables, the entry point's server does not listen.
	s.Health = answers("3306", "")
	s.SetupCommand = []string{client, "--user=root", "--socket=" + socket}
	s.Env["MARIADB_ALLOW_EMPTY_ROOT_PASSWORD"] = "1"
	s.Env["MARIADB_ROOT_HOST"] = "localhost"
	s.Env["MARIADB_AUTO_UPGRADE"] = "1"
	s.Env["MYSQL_ALLOW_EMPTY_PASSWORD"] = "1" // the name that images before 2021 know
	s.Env["MYSQL_ROOT_HOST"] = "localhost"
}
