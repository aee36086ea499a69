package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"net/netip"
	"path/filepath"
	"runtime/debug"
	"strings"
	"time"

	"sluice/internal/deploy"
	"sluice/internal/gitrepo"
	"sluice/internal/gitserve"
	"sluice/internal/platform"
)

// config is everything that can be set. Defaults are in newFlags, nowhere else.
type config struct {
	DataDir          string
	Listen           string
	PublicURL        string
	TLSCertificate   string // file, for the API and Git
	TLSKey           string
	InsecureListen   bool
	Router           string // control socket
	BaseDomain       string
	Domains          string
	domains          map[string][]string // what Domains says, by project
	HTTPPort         int
	HTTPSPort        int
	RouterAddr       string // where the router listens, for the warm-up
	RouterTLS        string // the same for TLS
	DockerHost       string
	Prefix           string
	Subnets          string
	Catalog          string
	Mirror           string
	BuildNetwork     bool
	HoldLimit        time.Duration
	MinFree          uint64 // MB
	Workers          int
	Builds           int
	BuildMemory      int // MB
	BuildProcesses   int
	BuildCache       int    // MB
	GitMaxPush       uint64 // MB
	GitMaxRepository uint64 // MB
	GitMaxTree       uint64 // MB
	GitMaxFiles      int
	CrashAt          string
	Backups          backupsConfig
	Toolkit          string // executable of the toolkit
	// Limits of each project.
	ProjectWorkers      int
	ProjectEnvironments int
	ProjectPending      int
	WebhookNetworks     string
	webhookNetworks     []netip.Prefix // what WebhookNetworks says
	Limits              limitsConfig
	SSH                 sshConfig
	ProjectBuilds       int
	LogInProviders      string // file
}

var errUsage = errors.New("usage")

// newFlags declares the settings with their defaults.
func newFlags(name string, c *config, out io.Writer) *flag.FlagSet {
	fs := flag.NewFlagSet("sluiced "+name, flag.ContinueOnError)
	fs.SetOutput(out)
	fs.StringVar(&c.DataDir, "data-dir", "/var/lib/sluice", "directory that holds all state")
	fs.StringVar(&c.DockerHost, "docker-host", "unix:///var/run/docker.sock", "address of the Docker engine")
	fs.StringVar(&c.Prefix, "prefix", "sluice", "first part of the names of containers and networks; two installations on one engine need different ones")
	fs.StringVar(&c.Catalog, "catalog", "", "file that adds to or overrides the catalog of runtimes and services")
	fs.StringVar(&c.Mirror, "mirror", "", "Debian mirror to assemble images from (default deb.debian.org)")
	return fs
}

// serveFlags adds what only the running control plane needs, and what checks its machine.
func serveFlags(name string, c *config, out io.Writer) *flag.FlagSet {
	fs := newFlags(name, c, out)
	fs.StringVar(&c.Listen, "listen", "127.0.0.1:7070", "address of the HTTP API and of Git")
	fs.StringVar(&c.TLSCertificate, "tls-certificate", "", "PEM file with the certificate chain of the API and Git (default: plain HTTP, on loopback addresses only)")
	fs.StringVar(&c.TLSKey, "tls-key", "", "PEM file with the key of --tls-certificate")
	fs.BoolVar(&c.InsecureListen, "insecure-listen", false, "allow --listen on other than loopback addresses without TLS")
	fs.StringVar(&c.PublicURL, "public-url", "", "URL under which users reach --listen (default http://<listen>, https with --tls-certificate)")
	fs.StringVar(&c.Router, "router", "", "control socket of sluice-router (default <data-dir>/router/control.sock)")
	fs.StringVar(&c.BaseDomain, "base-domain", "localhost", "domain below which environments get their host names")
	fs.StringVar(&c.Domains, "domains", "", "PROJECT=HOST,...: domains of one project, for installations that hold only that; else use sluice domain:add")
	fs.IntVar(&c.HTTPPort, "http-port", 80, "public HTTP port of the router")
	fs.IntVar(&c.HTTPSPort, "https-port", 0, "public HTTPS port of the router; 0: TLS is off")
	fs.StringVar(&c.RouterAddr, "router-address", "", "address of the router for the warm-up (default 127.0.0.1:<http-port>)")
	fs.StringVar(&c.RouterTLS, "router-tls-address", "", "TLS address of the router for the warm-up (default 127.0.0.1:<https-port>)")
	fs.StringVar(&c.Subnets, "subnets", "10.213.0.0/16", "address pool; each environment is assigned a /24")
	fs.BoolVar(&c.BuildNetwork, "build-network", true, "allow build hooks internet access (services are never reachable)")
	fs.DurationVar(&c.HoldLimit, "hold-limit", 300*time.Second, "how long a request may wait during a deployment")
	fs.Uint64Var(&c.MinFree, "min-free", 256, "refuse deployments when less disk is free, in MB")
	fs.IntVar(&c.Workers, "workers", 4, "activities that run at once")
	fs.IntVar(&c.ProjectWorkers, "project-workers", 0, "activities of one project that run at once while there are several projects; 0: one less than --workers")
	fs.IntVar(&c.ProjectEnvironments, "project-environments", 100, "environments that a project may have")
	fs.IntVar(&c.ProjectPending, "project-pending", 50, "activities of a project that may wait in the queue")
	fs.IntVar(&c.Builds, "builds", 2, "builds that run at once")
	fs.IntVar(&c.BuildMemory, "build-memory", 0, "MB that one build may use, files in /tmp included; 0: half of the machine's memory")
	fs.IntVar(&c.BuildProcesses, "build-processes", 4096, "processes and threads that one build may have")
	fs.IntVar(&c.BuildCache, "build-cache", 20480, "MB that BuildKit's cache may hold on this machine; 0: as its own configuration says")
	fs.StringVar(&c.WebhookNetworks, "webhook-networks", "",
		"networks that are not public and that webhooks may be sent to, separated by commas: 10.1.0.0/16 (default: none)")
	c.Limits.flags(fs)
	c.SSH.flags(fs)
	fs.IntVar(&c.ProjectBuilds, "project-builds", 0, "builds of one project that run at once while there are several projects; 0: one less than --builds")
	fs.StringVar(&c.Toolkit, "toolkit", "", "sluice-toolkit for builds and containers, statically linked; empty: the one beside sluiced")
	fs.Uint64Var(&c.GitMaxPush, "git-max-push", 1024, "maximum size of one push in MB")
	fs.Uint64Var(&c.GitMaxRepository, "git-max-repository", 10240, "maximum size of a Git repository on disk in MB")
	tree := gitrepo.DefaultLimits()
	fs.Uint64Var(&c.GitMaxTree, "git-max-tree", uint64(tree.Bytes>>20), "maximum size of the files of one commit in MB") //nolint:gosec // a positive constant
	fs.IntVar(&c.GitMaxFiles, "git-max-files", tree.Entries, "maximum number of files and directories of one commit")
	fs.StringVar(&c.Backups.Repository, "backup-repository", "",
		"where backups are kept: a directory, s3:https://HOST/BUCKET or sftp:USER@HOST:/PATH (default <data-dir>/backups/repository)")
	fs.StringVar(&c.Backups.Settings, "backup-settings", "", "file with NAME=VALUE lines for restic, such as AWS_ACCESS_KEY_ID; only its owner may read it")
	fs.StringVar(&c.Backups.Schedule, "backup-schedule", "daily=7,weekly=4",
		"how many automatic backups of production environments are kept: hourly=N,daily=N,weekly=N,monthly=N; empty for none")
	fs.StringVar(&c.Backups.Timezone, "backup-timezone", "UTC", "time zone of --backup-schedule; days begin at 04:00")
	fs.StringVar(&c.Backups.Before, "backup-before", string(deploy.BackupUpgrades),
		"before which deployments the data is backed up where a snapshot would take long: upgrade (of a service that stores data), deployment (with a deploy hook, too) or never")
	fs.StringVar(&c.LogInProviders, "login-providers", "", "JSON file that names the OpenID Connect providers people log in with; empty: passwords only")
	fs.StringVar(&c.CrashAt, "crash-at", "", "for tests: end this process with SIGKILL when the step is recorded")
	return fs
}

// parse reads the command line, then variables for what it does not set, then fills in
// what depends on other settings.
func (c *config) parse(fs *flag.FlagSet, args []string, env map[string]string) error {
	if err := fs.Parse(args); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			return err
		}
		return fmt.Errorf("%w: %w", errUsage, err)
	}
	given := map[string]bool{}
	fs.Visit(func(f *flag.Flag) { given[f.Name] = true })
	var problem error
	fs.VisitAll(func(f *flag.Flag) {
		name := "SLUICED_" + strings.ToUpper(strings.ReplaceAll(f.Name, "-", "_"))
		if value, ok := env[name]; ok && !given[f.Name] {
			if err := f.Value.Set(value); err != nil {
				problem = fmt.Errorf("%w: %s=%q: %w", errUsage, name, value, err)
			}
		}
	})
	if problem != nil {
		return problem
	}
	return c.complete()
}

func (c *config) complete() error {
	abs, err := filepath.Abs(c.DataDir)
	if err != nil {
		return fmt.Errorf("data directory: %w", err)
	}
	c.DataDir = abs
	if err := c.Limits.check(); err != nil {
		return err
	}
	if c.webhookNetworks, err = networks("--webhook-networks", c.WebhookNetworks); err != nil {
		return err
	}
	if err := c.SSH.complete(c.BaseDomain); err != nil {
		return err
	}
	if c.Backups.Repository == "" {
		c.Backups.Repository = filepath.Join(c.DataDir, "backups", "repository")
	}
	if _, err := c.Backups.policy(); err != nil {
		return err
	}
	if c.Router == "" {
		c.Router = filepath.Join(c.DataDir, "router", "control.sock")
	}
	if c.PublicURL == "" {
		c.PublicURL = "http://" + c.Listen
		if c.secured() {
			c.PublicURL = "https://" + c.Listen
		}
	}
	if c.RouterAddr == "" {
		c.RouterAddr = fmt.Sprintf("127.0.0.1:%d", c.HTTPPort)
	}
	if c.RouterTLS == "" {
		c.RouterTLS = fmt.Sprintf("127.0.0.1:%d", c.HTTPSPort)
	}
	const maxMB = 1 << 30
	if max(c.GitMaxPush, c.GitMaxRepository, c.GitMaxTree) > maxMB || c.GitMaxFiles < 0 {
		return fmt.Errorf("%w: the --git-max-* limits are at most %d MB", errUsage, maxMB)
	}
	if c.BuildMemory < 0 || c.BuildMemory > maxMB || c.BuildCache < 0 || c.BuildCache > maxMB || c.BuildProcesses < 0 {
		return fmt.Errorf("%w: --build-memory and --build-cache are 0 to %d MB, --build-processes is not negative", errUsage, maxMB)
	}
	if c.domains, err = projectDomains(c.Domains); err != nil {
		return err
	}
	if c.Subnets != "" {
		if _, err := netip.ParsePrefix(c.Subnets); err != nil {
			return fmt.Errorf("%w: --subnets: %w", errUsage, err)
		}
	}
	return nil
}

// networks reads a list of networks.
func networks(option, list string) ([]netip.Prefix, error) {
	var out []netip.Prefix
	for _, text := range splitList(list) {
		p, err := netip.ParsePrefix(text)
		if err != nil {
			return nil, fmt.Errorf("%w: %s: %q is not a network such as 10.1.0.0/16", errUsage, option, text)
		}
		out = append(out, p.Masked())
	}
	return out, nil
}

// gitLimits bound pushes and fetches.
func (c *config) gitLimits() gitserve.Limits {
	return gitserve.Limits{PushBytes: int64(c.GitMaxPush) << 20, RepositoryBytes: int64(c.GitMaxRepository) << 20} //nolint:gosec // checked by complete
}

// treeLimits bound the trees of pushed commits.
func (c *config) treeLimits() gitrepo.Limits {
	return gitrepo.Limits{Bytes: int64(c.GitMaxTree) << 20, Entries: c.GitMaxFiles} //nolint:gosec // checked by complete
}

// projectDomains reads --domains. A list without a project would give the same hosts to
// every project.
func projectDomains(value string) (map[string][]string, error) {
	if value == "" {
		return map[string][]string{}, nil
	}
	project, hosts, ok := strings.Cut(value, "=")
	if !ok || project == "" {
		return nil, fmt.Errorf("%w: --domains %q: write PROJECT=HOST,HOST; a host belongs to one project (or add each: sluice domain:add -p PROJECT HOST)", errUsage, value)
	}
	out := map[string][]string{}
	for _, host := range splitList(hosts) {
		normal, err := platform.NormalDomain(host)
		if err != nil {
			return nil, fmt.Errorf("%w: --domains: %w", errUsage, err)
		}
		out[project] = append(out[project], normal)
	}
	return out, nil
}

// path returns a path below the data directory.
func (c *config) path(parts ...string) string {
	return filepath.Join(append([]string{c.DataDir}, parts...)...)
}

// version is what the build says of itself.
func version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	v := info.Main.Version
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" && len(s.Value) >= 12 && (v == "" || v == "(devel)") {
			v = "devel-" + s.Value[:12]
		}
	}
	return v
}
