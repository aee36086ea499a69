package catalog

import "time"

// Service is one version of a service, such as mariadb 10.11. Its container runs with a
// read-only root, without capabilities, as User; only DataDir and Tmpfs are writable.
type Service struct {
	Type       string // as written in services.yaml before the colon: "mysql", "redis", ...
	Version    string
	Image      Image
	EndOfLife  time.Time // zero when unknown
	Endpoint   string    // default endpoint name
	Scheme     string    // of the relationship: "mysql", "redis", "http", "amqp"
	Port       int
	Persistent bool     // has a data directory and needs "disk"
	DataDir    string   // in the container; empty when not persistent
	User       string   // "uid:gid" that the container runs as and that owns DataDir
	Command    []string // takes the place of the image's entry point; empty: the image's own
	Tmpfs      []string // writable scratch directories beside DataDir
	// Health is run in the container; exit status 0 means ready for connections.
	Health []string
	// SetupCommand is run in the container once it is healthy and reads what to bring
	// about from its standard input: for the scheme mysql SQL, run with all rights; for
	// any other a user name and a password, a line each. Empty: nothing to set up.
	SetupCommand []string
	// Credentials says what the endpoints carry.
	Credentials Credentials
	// Stop is how long the service may take to stop cleanly.
	Stop time.Duration
	// Env is set in the container; values may contain ${username}, ${password}, ${path},
	// ${memory} (MB) and ${properties.<name>}, replaced by topology.
	Env map[string]string
}

// Credentials is the shape of an endpoint's access data.
type Credentials struct {
	Username string // empty: the relationship carries null
	Password bool   // a generated password
	Path     string // database name, "main"; empty: null
}
