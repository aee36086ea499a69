package deploy

import (
	"cmp"
	"context"
	"log/slog"
	"path/filepath"
	"sync"
	"time"

	"sluice/internal/build"
	"sluice/internal/catalog"
	"sluice/internal/engine"
	"sluice/internal/platform"
	"sluice/internal/topology"
	"sluice/internal/work"
)

// Options are the settings of the pipeline.
type Options struct {
	Site topology.Site
	// Domains are those of projects to which none was added, by project.
	Domains map[string][]string
	// WorkDir holds a checkout per project and application, reused by later builds.
	WorkDir string
	// Builds is how many builds run side by side; 0 means 2.
	Builds int
	// ProjectBuilds is how many of them one project may have while there are several
	// projects; 0 means one less than Builds, but at least one.
	ProjectBuilds int
	// HoldLimit is how long requests may wait; 0 means platform.DefaultHoldWait.
	HoldLimit time.Duration
	// HeldWarmUp is for how long pages are loaded before waiting requests are released; 0
	// means 3 s.
	HeldWarmUp time.Duration
	// MinFreeBytes is the disk space below which a deployment is refused; 0 means 256 MiB.
	MinFreeBytes uint64
	// BuildNetwork lets build hooks reach the outside, as composer needs to.
	BuildNetwork bool
	// Toolkit is the executable that builds and containers are given under the names of
	// contract.ToolkitPath and ToolkitAlias; empty for none. It must stay as it is as long
	// as a release was made with it.
	Toolkit string
	// SharedSnapshots says that a snapshot takes no time, as it shares blocks with the data.
	SharedSnapshots bool
	// BackupBefore says before which deployments the data is backed up where they do not.
	BackupBefore BackupPolicy
	// Environments is how many environments a project may have; 0 means 100.
	Environments int
	// Pending is how many activities of a project may wait; 0 means 50.
	Pending int
}

// Dependencies are what the pipeline works with. None may be nil.
type Dependencies struct {
	Records      Records
	Queue        *work.Queue
	Source       Source
	Images       Images
	Builder      build.Builder
	Engine       engine.Engine
	Gate         Gate
	Journal      Journal
	Crons        Crons
	Warmer       Warmer
	Repositories Repositories
	Toolkits     Toolkits
	Authority    Authority
	Snapshots    Snapshots
	Backups      Backups
	Catalog      *catalog.Catalog
	Log          *slog.Logger
}

// Service is the pipeline. Its methods are safe for concurrent use.
type Service struct {
	Dependencies
	opts Options
	*shared
}

// shared is what pipelines over different records have in common, see Service.over.
type shared struct {
	builds *buildSlots

	records  sync.Mutex   // held while an environment's record is read, changed and saved
	settings sync.Mutex   // held while settings are read and sent to the router
	slugs    sync.RWMutex // held for writing while slugs are deleted, see lease

	disk diskMeter

	mu      sync.Mutex
	sources map[string]*sync.Mutex // by checkout directory
	leases  map[string]int         // references of slugs that deployments found and did not record yet
}

// New returns a pipeline, with its kinds of activities registered at the queue.
func New(deps Dependencies, opts Options) *Service {
	opts.Builds = cmp.Or(opts.Builds, 2)
	opts.ProjectBuilds = cmp.Or(opts.ProjectBuilds, max(1, opts.Builds-1))
	opts.HoldLimit = cmp.Or(opts.HoldLimit, platform.DefaultHoldWait)
	opts.HeldWarmUp = cmp.Or(opts.HeldWarmUp, heldWarmUp)
	opts.MinFreeBytes = cmp.Or(opts.MinFreeBytes, 256<<20)
	opts.Environments = cmp.Or(opts.Environments, 100)
	opts.Pending = cmp.Or(opts.Pending, 50)
	s := &Service{
		Dependencies: deps,
		opts:         opts,
		shared: &shared{
			builds:  newBuildSlots(opts.Builds, opts.ProjectBuilds),
			sources: map[string]*sync.Mutex{},
			leases:  map[string]int{},
		},
	}
	deps.Queue.Register(
		s.deploymentKind([]platform.ActivityType{
			platform.ActivityPush, platform.ActivityRedeploy, platform.ActivityActivate, platform.ActivityResume,
			platform.ActivityRestore, platform.ActivityBranch, platform.ActivityMerge, platform.ActivitySynchronize,
		}),
		s.deploymentKind([]platform.ActivityType{platform.ActivityRollback}, platform.StepBuild),
		s.deactivationKind(), s.pauseKind(), s.deletionKind(), s.rehearsalKind(),
	)
	return s
}

// Run runs activities until ctx ends, see work.Queue.Run.
func (s *Service) Run(ctx context.Context) error { return s.Queue.Run(ctx) }

// Cancel stops an activity that can still be cancelled, see work.Queue.Cancel.
func (s *Service) Cancel(ctx context.Context, id string, by platform.Actor) (platform.Activity, error) {
	return s.Queue.Cancel(ctx, id, by)
}

// changeEnvironment reads the record, changes it and saves it. Pushes and deployments of
// one environment happen at the same time; each may only write what is its own.
func (s *Service) changeEnvironment(ctx context.Context, project, name string, change func(*platform.Environment)) (platform.Environment, error) {
	s.records.Lock()
	defer s.records.Unlock()
	env, err := s.Records.Environment(ctx, project, name)
	if err != nil {
		return platform.Environment{}, err
	}
	change(&env)
	env.UpdatedAt = time.Now().UTC()
	return s.Records.SaveEnvironment(ctx, env)
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
