// Package contract is what crosses the border into a container: the names and encodings
// of variables, the paths the platform owns, the users, and the progress lines that a
// hook may print for the control plane to read.
//
// It is layer 0: standard library only, no I/O. The control plane and the in-container
// toolkit share it, so a name that is changed here is changed for both.
package contract

// Paths inside application containers.
const (
	AppDir    = "/app"        // the slug; read-only but for the mounts
	CacheDir  = "/cache"      // build only; shared by a project's builds of one application
	ConfigDir = "/etc/sluice" // generated configuration, read-only
	LogDir    = "/var/log"    // per application, kept over deployments
	RunDir    = "/run"        // tmpfs: sockets, pid files
	SecretDir = "/run/secrets"
	// GlobalDir is where dependencies (global tools) are installed at build.
	GlobalDir = "/app/.global"
	// WebPort is where the web server in an application container listens.
	WebPort = 8080
	// ReadyPath returns 200 when the web server accepts requests; never routed from outside.
	ReadyPath = "/.well-known/sluice/ready"
)

// SourceEnvironment is the line of a shell, in the application's directory, that takes over
// the variables of the project's file .environment.
const SourceEnvironment = "if [ -f .environment ]; then . ./.environment; fi"

// RouterHost is the router's name in application containers: where an application empties
// the router's cache.
const RouterHost = "router.internal"

// RouterSource is the name, in application containers, of where the router's requests come
// from. No relationship can have it.
const RouterSource = "sluice-router"

// AuthorityFile holds the certificate of the router's local authority, PEM, where there is
// one: what an application needs to trust its own routes for https.
const AuthorityFile = ConfigDir + "/authority.pem"

// Where the toolkit is in builds and in application containers, under both of its names.
const (
	ToolkitPath  = "/usr/bin/sluice-toolkit"
	ToolkitAlias = "/usr/bin/ece-tools"
)

// SFTPCommand is the toolkit's command that serves SFTP on its input and output.
const SFTPCommand = "internal:sftp-server"

// A hook that is run while visitors are still served finds HoldVariable in its environment:
// the path of a file that exists once requests are held. Between its Touch line and its
// first write it waits for the file.
const (
	HoldVariable = "SLUICE_AWAIT_HOLD"
	HoldFile     = RunDir + "/sluice-held"
)

// The user that builds, hooks, crons, workers and the web server run as.
const (
	WebUser = "web"
	WebUID  = 1000
	WebGID  = 1000
)

// Prefixes of the variables that the platform sets; every one is set with both, because
// applications ask for either.
const (
	PrefixCommerce = "MAGENTO_CLOUD_"
	PrefixPlatform = "PLATFORM_"
)
