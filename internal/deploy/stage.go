package deploy

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"sluice/internal/contract"
	"sluice/internal/platform"
)

// stageDomain is where a rehearsal's environment has its hosts: below a top-level domain that is
// reserved for private use, so that no name server knows them and no project owns them.
const stageDomain = "rehearsal.internal"

// stage is Records with one environment more, which is kept in memory only: that in which a
// deployment is rehearsed.
type stage struct {
	Records

	target string // whose variables it has

	mu       sync.Mutex
	env      platform.Environment
	releases []platform.Release // oldest first
}

// newStage returns the records of a rehearsal. Its environment has the same identifier after a
// restart.
func newStage(records Records, a platform.Activity) *stage {
	name := "rehearsal-" + a.ID
	return &stage{Records: records, target: a.Environment, env: platform.Environment{
		Project: a.Project, Name: name, MachineName: name, Title: "Rehearsal", Parent: a.Environment, Type: platform.Development,
		Status: platform.EnvironmentActive, CreatedAt: a.CreatedAt,
	}}
}

// begin gives the environment what follows from production: its limits of holds, and nobody who
// may see it but the machine and its own containers.
func (st *stage) begin(target platform.Environment, subnet, commit string) {
	st.mu.Lock()
	defer st.mu.Unlock()
	st.env.Subnet, st.env.HeadCommit = subnet, commit
	st.env.Settings = target.Settings
	st.env.Settings.Bypass, st.env.Settings.NoCloneParent = nil, false
	access := &platform.HTTPAccess{Enabled: true}
	for _, network := range []string{"127.0.0.0/8", "::1", subnet} {
		if network != "" {
			access.Addresses = append(access.Addresses, platform.AddressRule{Permission: platform.Allow, Address: network})
		}
	}
	st.env.Settings.HTTPAccess = access
}

// over returns the same pipeline over other records: without crons, and with hosts of
// its own.
func (s *Service) over(st *stage) *Service {
	other := &Service{Dependencies: s.Dependencies, opts: s.opts, shared: s.shared}
	other.Records, other.Crons = st, noCrons{}
	other.opts.Site.BaseDomain, other.opts.Site.HTTPSPort = stageDomain, 0
	other.opts.BackupBefore = BackupNever // it is a copy
	return other
}

func (st *stage) is(name string) bool { return name == st.env.Name }

// Environment implements Records.
func (st *stage) Environment(ctx context.Context, project, name string) (platform.Environment, error) {
	if !st.is(name) {
		return st.Records.Environment(ctx, project, name)
	}
	st.mu.Lock()
	defer st.mu.Unlock()
	return st.env, nil
}

// SaveEnvironment implements Records.
func (st *stage) SaveEnvironment(ctx context.Context, env platform.Environment) (platform.Environment, error) {
	if !st.is(env.Name) {
		return st.Records.SaveEnvironment(ctx, env)
	}
	st.mu.Lock()
	defer st.mu.Unlock()
	st.env = env
	return env, nil
}

// Variables are production's, and one that says what this is.
func (st *stage) Variables(ctx context.Context, project, name string) ([]platform.Variable, error) {
	if !st.is(name) {
		return st.Records.Variables(ctx, project, name)
	}
	vars, err := st.Records.Variables(ctx, project, st.target)
	return append(vars, platform.Variable{Name: "env:" + contract.RehearsalVariable, Value: "true", VisibleRuntime: true, Enabled: true}), err
}

// NextRelease implements Records.
func (st *stage) NextRelease(ctx context.Context, project, name string) (string, error) {
	if !st.is(name) {
		return st.Records.NextRelease(ctx, project, name)
	}
	st.mu.Lock()
	defer st.mu.Unlock()
	return fmt.Sprintf("r%d", len(st.releases)+1), nil
}

// SaveRelease implements Records.
func (st *stage) SaveRelease(ctx context.Context, r platform.Release) error {
	if !st.is(r.Env) {
		return st.Records.SaveRelease(ctx, r)
	}
	st.mu.Lock()
	defer st.mu.Unlock()
	if i := st.find(r.ID); i >= 0 {
		st.releases[i] = r
		return nil
	}
	st.releases = append(st.releases, r)
	return nil
}

func (st *stage) find(id string) int {
	return slices.IndexFunc(st.releases, func(r platform.Release) bool { return r.ID == id })
}

// Release implements Records.
func (st *stage) Release(ctx context.Context, project, name, id string) (platform.Release, error) {
	if !st.is(name) {
		return st.Records.Release(ctx, project, name, id)
	}
	st.mu.Lock()
	defer st.mu.Unlock()
	if i := st.find(id); i >= 0 {
		return st.releases[i], nil
	}
	return platform.Release{}, platform.Errorf(platform.CodeNotFound, "the rehearsal has no release %q", id)
}

// Releases implements Records.
func (st *stage) Releases(ctx context.Context, project, name string) ([]platform.Release, error) {
	if !st.is(name) {
		return st.Records.Releases(ctx, project, name)
	}
	st.mu.Lock()
	defer st.mu.Unlock()
	list := slices.Clone(st.releases)
	slices.Reverse(list)
	return list, nil
}

// noCrons never starts one.
type noCrons struct{}

func (noCrons) Suspend(context.Context, platform.EnvironmentID) error { return nil }

func (noCrons) Resume(platform.CronPlan) {}

func (noCrons) Forget(context.Context, platform.EnvironmentID) error { return nil }

// checkTime is how long a check of a project may take.
const checkTime = 10 * time.Minute
