package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"slices"

	"sluice/internal/account"
	"sluice/internal/backup"
	"sluice/internal/build/buildkit"
	"sluice/internal/catalog"
	"sluice/internal/deploy"
	"sluice/internal/edge/edgectl"
	"sluice/internal/engine"
	"sluice/internal/engine/docker"
	"sluice/internal/feed"
	"sluice/internal/gitrepo"
	"sluice/internal/images"
	"sluice/internal/oidc"
	"sluice/internal/platform"
	"sluice/internal/project"
	"sluice/internal/schedule"
	"sluice/internal/snapshot/files"
	"sluice/internal/snapshot/pool"
	"sluice/internal/sshserve"
	"sluice/internal/store"
	"sluice/internal/topology"
	"sluice/internal/warmup"
	"sluice/internal/webhook"
	"sluice/internal/work"
)

// plant is everything that runs in this process, joined.
type plant struct {
	config   config
	log      *slog.Logger
	catalog  *catalog.Catalog
	store    *store.Store
	feed     *feed.Feed
	repos    *gitrepo.Repos
	engine   engine.Engine
	slugs    imageStore
	data     *files.Store
	images   *images.Assembler
	builder  *buildkit.Builder
	gate     *edgectl.Client
	rules    *project.Service
	accounts *account.Service
	crons    *schedule.Scheduler
	queue    *work.Queue
	pipeline *deploy.Service
	backups  *backup.Service
	hooks    *webhook.Service
	sealer   *store.Sealer

	closers []func() error // in the order in which things were opened
}

// build opens everything. On an error, what was opened is closed again.
func build(ctx context.Context, c config, log *slog.Logger) (p *plant, err error) {
	p = &plant{config: c, log: log}
	defer func() {
		if err != nil {
			err = errors.Join(err, p.close())
		}
	}()
	for _, open := range []func(context.Context) error{
		p.openState, p.openEngine, p.openSnapshots, p.openBuilder, p.openPipeline,
	} {
		if err := open(ctx); err != nil {
			return nil, err
		}
	}
	return p, nil
}

// openState opens what is kept on disk.
func (p *plant) openState(ctx context.Context) (err error) {
	// Below it are secrets that containers read through bind mounts; by its path only root
	// may, whatever the umask was when it was made.
	err = errors.Join(os.MkdirAll(p.config.DataDir, 0o700), os.Chmod(p.config.DataDir, 0o700)) //nolint:gosec // a directory
	if err != nil {
		return platform.Errorf(platform.CodeUnavailable, "the data directory cannot be made: %v", err).
			WithHint("run sluiced as root, or choose another directory with --data-dir")
	}
	if err := pool.Of(p.config.DataDir).Mount(ctx); err != nil {
		return err
	}
	if p.catalog, err = loadCatalog(p.config.Catalog); err != nil {
		return err
	}
	if p.sealer, err = store.LoadSealer(p.config.path("keys", "seal.key")); err != nil {
		return err
	}
	subnets, err := netip.ParsePrefix(p.config.Subnets)
	if err != nil {
		return fmt.Errorf("subnets: %w", err)
	}
	if p.store, err = store.Open(ctx, p.config.path("sluice.db"), p.sealer, store.WithSubnets(subnets)); err != nil {
		return err
	}
	p.closers = append(p.closers, p.store.Close)
	if err := os.MkdirAll(p.config.path("activities"), 0o750); err != nil {
		return fmt.Errorf("directory of the logs: %w", err)
	}
	if p.feed, err = feed.Open(p.config.path("activities")); err != nil {
		return fmt.Errorf("open the logs: %w", err)
	}
	p.closers = append(p.closers, p.feed.Close)
	if p.repos, err = gitrepo.New(p.config.path("repos"), p.config.treeLimits()); err != nil {
		return fmt.Errorf("open the repositories: %w", err)
	}
	return nil
}

func (p *plant) openEngine(ctx context.Context) (err error) {
	m, err := openMachine(ctx, p.config)
	if err != nil {
		return err
	}
	p.closers = append(p.closers, m.close)
	p.engine, p.slugs = m.Engine, m.images
	if g, ok := p.engine.(engine.Guarded); ok {
		if err := g.Guard(ctx); err != nil {
			p.log.WarnContext(ctx, "containers and builds are not kept from private networks", "error", err, "hint", platform.ErrorHint(err))
		}
	}
	p.images = assembler(p.config, m.images, p.catalog)
	return nil
}

func assembler(c config, store imageStore, known *catalog.Catalog) *images.Assembler {
	return images.New(store, images.Options{Mirror: c.Mirror, Catalog: known})
}

func (p *plant) openBuilder(ctx context.Context) (err error) {
	socket, err := socketPath(p.config.DockerHost)
	if err != nil {
		return err
	}
	p.builder, err = buildkit.New(ctx, p.builderConfig(socket))
	if err != nil {
		return fmt.Errorf("open the builder: %w", err)
	}
	p.closers = append(p.closers, p.builder.Close)
	return nil
}

// builderConfig bounds builds: they are other people's code beside live sites. Only root
// can set the limits.
func (p *plant) builderConfig(socket string) buildkit.Config {
	c := buildkit.Config{
		Socket: socket, Images: slugStore{p.slugs}, CacheBytes: int64(p.config.BuildCache) << 20,
		Room: func(ctx context.Context) (free, needed uint64, err error) {
			disk, err := p.engine.Disk(ctx)
			return disk.FreeBytes, p.config.MinFree << 20, err
		},
	}
	if os.Geteuid() == 0 {
		c.Limits = &buildkit.Limits{Memory: cmp.Or(int64(p.config.BuildMemory)<<20, docker.DefaultLimits().Memory), Processes: p.config.BuildProcesses}
	} else {
		p.log.Warn("builds run without limits of memory and processes: only root can set them")
	}
	return c
}

func (p *plant) openPipeline(ctx context.Context) error {
	programs, ok := p.engine.(engine.ProgramStore)
	if !ok {
		return platform.Errorf(platform.CodeUnavailable, "the toolkit cannot be delivered to the engine %s", p.engine.Capabilities().Name)
	}
	toolkit, err := installToolkit(ctx, programs, p.config)
	if err != nil {
		return err
	}
	if toolkit == "" {
		p.log.WarnContext(ctx, "no sluice-toolkit beside sluiced: hooks find no ece-tools but the project's own")
	}
	p.crons = schedule.New(p.engine, p.log)
	p.queue = work.New(p.store, p.feed, p.log, work.Options{
		Workers: p.config.Workers, PerProject: p.config.ProjectWorkers, OnStep: crashAt(p.config.CrashAt),
	})
	if err := p.openBackups(); err != nil {
		return err
	}
	p.pipeline = deploy.New(deploy.Dependencies{
		Records: p.store, Queue: p.queue, Source: source{p.repos}, Images: p.images, Builder: p.builder, Engine: p.engine,
		Gate: p.gate, Journal: p.feed, Crons: p.crons, Warmer: warmup.New(p.config.RouterAddr, p.config.RouterTLS),
		Repositories: p.repos, Toolkits: &toolkits{programs, p.log},
		Authority: authority{router: p.gate, file: authorityFile(p.config, ""), log: p.log},
		Snapshots: p.data, Backups: fetcher{p.backups}, Catalog: p.catalog, Log: p.log,
	}, deploy.Options{
		Site: topology.Site{
			BaseDomain: p.config.BaseDomain, HTTPPort: p.config.HTTPPort, HTTPSPort: p.config.HTTPSPort,
		},
		Domains:         p.config.domains,
		WorkDir:         p.config.path("work"),
		Builds:          p.config.Builds,
		HoldLimit:       p.config.HoldLimit,
		MinFreeBytes:    p.config.MinFree << 20,
		BuildNetwork:    p.config.BuildNetwork,
		Toolkit:         toolkit,
		SharedSnapshots: p.data.Shared(),
		BackupBefore:    deploy.BackupPolicy(p.config.Backups.Before),
		Environments:    p.config.ProjectEnvironments,
		Pending:         p.config.ProjectPending,
		ProjectBuilds:   p.config.ProjectBuilds,
	})
	p.hooks = webhook.New(p.store, webhook.Options{
		Render: renderer{p}.activity, Allowed: p.config.webhookNetworks, Agent: "Sluice/" + version(), Log: p.log,
	})
	p.rules = project.New(project.Dependencies{
		Records: p.store, Repositories: p.repos, Pipeline: p.pipeline, Router: p.gate, Resolver: net.DefaultResolver, Receivers: p.hooks, Log: p.log,
	})
	authority, err := sshserve.LoadKey(p.config.path("keys", "ssh_user_ca"), "sluice SSH user authority")
	if err != nil {
		return err
	}
	providers, err := p.logInProviders()
	if err != nil {
		return err
	}
	p.accounts = account.New(account.Dependencies{Records: p.store, Authority: authority, Providers: providers, Log: p.log})
	return adminToken(ctx, p.accounts, p.config.path("keys", "admin.token"))
}

// logInProviders reads the file that names them, if there is one.
func (p *plant) logInProviders() ([]account.Provider, error) {
	if p.config.LogInProviders == "" {
		return nil, nil
	}
	all, err := oidc.Load(p.config.LogInProviders, func(id string) string { return p.config.PublicURL + "/oauth2/callback/" + id })
	if err != nil {
		return nil, err
	}
	out := make([]account.Provider, 0, len(all))
	for _, provider := range all {
		out = append(out, provider)
	}
	return out, nil
}

// close closes everything, last opened first.
func (p *plant) close() error {
	var problems []error
	for _, closer := range slices.Backward(p.closers) {
		problems = append(problems, closer())
	}
	p.closers = nil
	return errors.Join(problems...)
}

// loadCatalog returns the embedded catalog with the operator's file over it.
func loadCatalog(path string) (*catalog.Catalog, error) {
	c := catalog.Default()
	if path == "" {
		return c, nil
	}
	f, err := os.Open(filepath.Clean(path))
	if err != nil {
		return nil, fmt.Errorf("catalog file: %w", err)
	}
	defer func() { _ = f.Close() }() // read only
	c, err = c.WithOverrides(io.LimitReader(f, 1<<20))
	if err != nil {
		return nil, fmt.Errorf("catalog file %s: %w", path, err)
	}
	return c, nil
}
