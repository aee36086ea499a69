package manifest

import "time"

// Manifest is everything that a project's files say, with defaults filled in.
type Manifest struct {
	Apps     []*Application // sorted by name
	Services []*Service     // sorted by name
	Routes   []*Route       // in file order
	Env      *EnvFile       // .magento.env.yaml at the top, or that of the only application; nil when there is none
}

// App returns the application with this name, or nil.
func (m *Manifest) App(name string) *Application {
	for _, a := range m.Apps {
		if a.Name == name {
			return a
		}
	}
	return nil
}

// Service returns the service with this name, or nil.
func (m *Manifest) Service(name string) *Service {
	for _, s := range m.Services {
		if s.Name == name {
			return s
		}
	}
	return nil
}

// Application is one .magento.app.yaml.
type Application struct {
	Pos  Position
	File string // path in the repository
	Root string // directory of the application in the repository; "." for the top
	Name string
	// Type is the runtime, "php" and "8.2".
	Type          VersionedType
	Size          string
	Disk          int // MB; 0 when not given
	Flavor        string
	Dependencies  []Dependency // in file order
	Extensions    []string     // runtime.extensions
	Disabled      []string     // runtime.disabled_extensions
	FPMTimeout    int          // runtime.request_terminate_timeout, seconds; 0 for none
	SizingHints   SizingHints
	Relationships []Relationship // sorted by name
	Mounts        []Mount        // sorted by path
	Web           Web
	Workers       []Worker // sorted by name
	Hooks         Hooks
	Crons         []Cron                    // sorted by name
	Variables     map[string]map[string]any // prefix -> name -> value
	Timezone      string
	AccessSSH     string
	Hosts         map[string]string // additional_hosts
	Firewall      []FirewallRule
	PHPIni        string   // text of php.ini at the application's root; empty when there is none
	Env           *EnvFile // .magento.env.yaml at the application's root; nil when there is none
	Clone         Clone    // clone of .sluice.yaml at the application's root; zero when there is none
	Rehearse      Rehearse // rehearse of the same file
	// Raw is the document as given, for MAGENTO_CLOUD_APPLICATION.
	Raw map[string]any
}

// VersionedType is "name:version".
type VersionedType struct {
	Name    string
	Version string
}

// String returns "name:version".
func (t VersionedType) String() string {
	if t.Version == "" {
		return t.Name
	}
	return t.Name + ":" + t.Version
}

// Dependency is one global tool.
type Dependency struct {
	Language   string // "php", "nodejs", "python3", "ruby"
	Package    string
	Constraint string
}

// SizingHints is runtime.sizing_hints, MB.
type SizingHints struct {
	RequestMemory  int
	ReservedMemory int
}

// Relationship links an application to an endpoint.
type Relationship struct {
	Pos      Position
	Name     string
	Service  string // service or application
	Endpoint string // filled with the service's default when not written
}

// MountSource is where a mount's files live.
type MountSource string

// The mount sources.
const (
	MountLocal    MountSource = "local"
	MountInstance MountSource = "instance"
	MountStorage  MountSource = "storage"
	MountService  MountSource = "service"
	MountTmp      MountSource = "tmp"
)

// Mount is one writable directory.
type Mount struct {
	Pos        Position
	Path       string // relative to the application's root, no leading or trailing slash
	Source     MountSource
	SourcePath string // directory in the volume; identity of the data
	Service    string // for MountService
}

// Web is the web section.
type Web struct {
	Start     string // commands.start; empty for php-fpm
	PreStart  string
	PostStart string
	Locations []Location // longest path first
	Upstream  Upstream
}

// Upstream is web.upstream.
type Upstream struct {
	SocketFamily string // "unix" or "tcp"
	Protocol     string // "fastcgi" or "http"
}

// Location is one entry of web.locations.
type Location struct {
	Pos   Position
	Path  string // begins with "/"
	Root  string // relative to the application's root; empty when not given
	Index []string
	LocationRule
	Rules            []Rule // in file order
	RequestBuffering Buffering
}

// LocationRule holds the keys that a rule may override. Nil means "not given".
type LocationRule struct {
	Passthru *string        // nil: not given; "": false; "/": true; else the path
	Expires  *time.Duration // negative: no caching headers
	Allow    *bool
	Scripts  *bool
	Headers  map[string]string // nil: not given
}

// Rule overlays a location where its expression matches the path.
type Rule struct {
	Pos     Position
	Pattern string // PCRE
	Index   []string
	LocationRule
}

// Buffering is request_buffering.
type Buffering struct {
	Enabled bool
	MaxSize int64 // bytes
}

// Hooks are the three scripts.
type Hooks struct {
	Build      string
	Deploy     string
	PostDeploy string
}

// Cron is one job.
type Cron struct {
	Pos             Position
	Name            string
	Spec            string // as written; may contain H
	Start           string
	Stop            string
	ShutdownTimeout time.Duration
	Timeout         time.Duration
}

// Worker is one background container.
type Worker struct {
	Pos       Position
	Name      string
	Start     string
	PreStart  string
	PostStart string
	Size      string
	Disk      int
	// Nil means inherited from the application.
	Relationships []Relationship
	Mounts        []Mount
	Variables     map[string]map[string]any
}

// FirewallRule is one entry of firewall.outbound.
type FirewallRule struct {
	IPs     []string
	Domains []string
	Ports   []int
}

// Service is one entry of services.yaml.
type Service struct {
	Pos           Position
	Name          string
	Type          VersionedType
	WrittenType   string `json:"-"` // the name of the type as the file has it: "mariadb" for "mysql"
	Disk          int    // MB
	Size          string
	Configuration map[string]any
	Schemas       []string   // mysql: databases; ["main"] by default
	Endpoints     []Endpoint // mysql: custom endpoints, sorted by name; nil for the default one
	Relationships []Relationship
}

// Written returns the type as the file has it.
func (s *Service) Written() VersionedType {
	return VersionedType{Name: s.WrittenType, Version: s.Type.Version}
}

// Endpoint is one named access of a database service.
type Endpoint struct {
	Name          string
	DefaultSchema string
	Privileges    map[string]string // schema -> "admin", "rw", "ro"
}

// Route is one entry of routes.yaml, placeholders not expanded.
type Route struct {
	Pos         Position
	URL         string // template, normalised to end in "/"
	Type        string // "upstream" or "redirect"
	Upstream    string // application
	UpstreamEnd string // endpoint after the colon
	To          string
	Primary     *bool
	ID          string
	Attributes  map[string]string
	Cache       *RouteCache // nil: the default
	Redirects   []Redirect
	Expires     string // redirects.expires
	SSI         bool
	Timeout     time.Duration // for the application to begin its response; 0 for the default
	TLS         TLS
}

// RouteCache is a route's cache section, defaults filled in.
type RouteCache struct {
	Enabled    bool
	DefaultTTL int
	Cookies    []string
	Headers    []string
}

// Redirect is one partial redirect.
type Redirect struct {
	Pos          Position
	Path         string
	To           string
	Regexp       bool
	Prefix       bool
	AppendSuffix bool
	Code         int
	Expires      string
}

// TLS is a route's tls section.
type TLS struct {
	HSTSEnabled           *bool
	HSTSIncludeSubdomains *bool
	HSTSPreload           *bool
	MinVersion            string
	ClientAuth            string   // "", "request" or "require"
	ClientCAs             []string // PEM
}

// EnvFile is .magento.env.yaml.
type EnvFile struct {
	File  string
	Stage map[string]map[string]any // "global", "build", "deploy", "post-deploy"
	// Ordered is Stage in the order of the file, for what is written on into env.php.
	Ordered map[string]Pairs `json:"-"`
	Log     map[string]any
	// System is system.variables, the names under which the platform's variables are
	// read: "ENV_ROUTES" -> "PLATFORM_ROUTES".
	System map[string]string
}

// Pair is one key of a map and its value.
type Pair struct {
	Key   string
	Value any
}

// Pairs is a map that keeps the order of the file. Values are nil, bool, int, float64,
// string, []any or Pairs. Constants of PHP, as keys or values, are still written
// "!php/const:NAME".
type Pairs []Pair

// WarmUpPages returns stage.post-deploy.WARM_UP_PAGES, or the value of the global stage,
// or nil when neither says anything.
func (e *EnvFile) WarmUpPages() []string {
	if e == nil {
		return nil
	}
	for _, stage := range []string{"post-deploy", "global"} {
		list, ok := e.Stage[stage]["WARM_UP_PAGES"].([]any)
		if !ok {
			continue
		}
		pages := make([]string, 0, len(list))
		for _, v := range list {
			if s, ok := v.(string); ok {
				pages = append(pages, s)
			}
		}
		return pages
	}
	return nil
}
