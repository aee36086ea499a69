package deploy

import (
	"cmp"
	"context"
	"log/slog"
	"path/filepath"
	"sync"
	"time"

	"golang.org/x/sync/semaphore"

	"sluice/internal/build"
	"sluice/internal/catalog"
	"sluice/internal/engine"
	"sluice/internal/platform"
	"sluice/internal/topology"
)

// Options are the settings of the pipeline.
type Options struct {
	Site topology.Site
	// Domains are those of projects to which none was added, by project.
	Domains map[string][]string
	// WorkDir holds a checkout per project and application, reused by later builds.
	WorkDir string
	// Workers is how many activities run side by side; 0 means 4.
	Workers int
	// Builds is how many builds run side by side; 0 means 2.
	Builds int
	// HoldLimit is how long requests may wait; 0 means platform.DefaultHoldWait.
	HoldLimit time.Duration
	// MinFreeBytes is the disk space below which a deployment is refused; 0 means 256 MiB.
	MinFreeBytes uint64
	// BuildNetwork lets build hooks reach the outside, as composer needs to.
	BuildNetwork bool
	// Authority returns the certificate of the router's local authority, PEM; "" while there
	// is none. Nil for never.
	Authority func(context.Context) string
	// Toolkit is the executable that builds and containers are given under the names of
	// contract.ToolkitPath and ToolkitAlias; empty for none. It must stay as it is as long
	// as a release was made with it.
	Toolkit string
	// DropToolkits removes toolkits that are not in use any more; inUse says which are, by
	// path, and costs a look at every environment. Nil for never.
	DropToolkits func(ctx context.Context, inUse func(context.Context) (map[string]bool, error)) error
	// OnStep, when set, is called right after a step was recorded and before it begins.
	// Tests stop the control plane there.
	OnStep func(platform.Step)
}

// Dependencies are what the pipeline works with. None may be nil.
type Dependencies struct {
	Store   Store
	Source  Source
	Images  Images
	Builder build.Builder
	Engine  engine.Engine
	Gate    Gate
	Journal Journal
	Crons   Crons
	Warmer  Warmer
	Catalog *catalog.Catalog
	Log     *slog.Logger
}

// Service is the pipeline. Its methods are safe for concurrent use.
type Service struct {
	Dependencies
	opts   Options
	builds *semaphore.Weighted
	wake   chan struct{} // holds a token when there may be something to claim

	records  sync.Mutex // held while an environment's record is read, changed and saved
	settings sync.Mutex // held while settings are read and the router is told

	mu      sync.Mutex
	running map[string]context.CancelCauseFunc // by activity, while it may be cancelled
	sources map[string]*sync.Mutex             // by checkout directory
}

// New returns a pipeline that does nothing until Run.
func New(deps Dependencies, opts Options) *Service {
	opts.Workers = cmp.Or(opts.Workers, 4)
	opts.Builds = cmp.Or(opts.Builds, 2)
	opts.HoldLimit = cmp.Or(opts.HoldLimit, platform.DefaultHoldWait)
	opts.MinFreeBytes = cmp.Or(opts.MinFreeBytes, 256<<20)
	return &Service{
		Dependencies: deps,
		opts:         opts,
		builds:       semaphore.NewWeighted(int64(opts.Builds)),
		wake:         make(chan struct{}, 1),
		running:      map[string]context.CancelCauseFunc{},
		sources:      map[string]*sync.Mutex{},
	}
}

// changeEnvironment reads the record, changes it and saves it. Pushes and deployments of
// one environment happen at the same time; each may only write what is its own.
func (s *Service) changeEnvironment(ctx context.Context, project, name string, change func(*platform.Environment)) (platform.Environment, error) {
	s.records.Lock()
	defer s.records.Unlock()
	env, err := s.Store.Environment(ctx, project, name)
	if err != nil {
		return platform.Environment{}, err
	}
	change(&env)
	env.UpdatedAt = time.Now().UTC()
	return s.Store.SaveEnvironment(ctx, env)
}

// checkoutDir is where an application's tree is kept between builds.
func (s *Service) checkoutDir(project, app string) string {
	return filepath.Join(s.opts.WorkDir, project, app)
}

// lockCheckout keeps two builds of one application from sharing its directory.
func (s *Service) lockCheckout(dir string) (unlock func()) {
	s.mu.Lock()
	m, ok := s.sources[dir]
	if !ok {
		m = &sync.Mutex{}
		s.sources[dir] = m
	}
	s.mu.Unlock()
	m.Lock()
	return m.Unlock
}
