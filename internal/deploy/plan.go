package deploy

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"time"

	"sluice/internal/manifest"
	"sluice/internal/plan"
	"sluice/internal/platform"
	"sluice/internal/rehearsal"
	"sluice/internal/topology"
)

// PlanRequest is a push that may be made.
type PlanRequest struct {
	Project     string
	Environment string
	Files       map[string][]byte // the configuration files by path, nothing else
	Sources     map[string]string // digests of the applications' files, see plan.SourceDigest; those that are known
	Options     map[string]string // push options
}

// Plan says what a push would do. It changes nothing and fetches nothing.
func (s *Service) Plan(ctx context.Context, req PlanRequest) (plan.Plan, error) {
	in, err := s.planned(ctx, req)
	if err != nil {
		return plan.Plan{}, err
	}
	tree, err := manifest.Tree(req.Files)
	if err != nil {
		return plan.Plan{}, platform.Errorf(platform.CodeInvalid, "the files cannot be read: %v", err)
	}
	in.Pushed, in.Findings = manifest.Parse(tree, manifest.Options{Catalog: s.Catalog, Now: time.Now(), Bare: true})
	in.Findings = append(in.Findings, lossOf(in.Current, in.Pushed, req.Options)...)
	for app, digest := range req.Sources {
		source := in.Sources[app]
		source.Pushed = digest
		in.Sources[app] = source
	}
	if err := s.findSlugs(ctx, &in); err != nil {
		return plan.Plan{}, err
	}
	if err := s.quote(ctx, &in, req); err != nil {
		return plan.Plan{}, err
	}
	return plan.Make(in)
}

// planned reads what the environment is now. One that does not exist yet is as a push
// would make it.
func (s *Service) planned(ctx context.Context, req PlanRequest) (plan.Input, error) {
	in := plan.Input{Catalog: s.Catalog, Sources: map[string]plan.Source{}, Bases: map[string]string{}}
	var err error
	if in.Project, err = s.Records.Project(ctx, req.Project); err != nil {
		return in, err
	}
	if in.Environment, err = s.environmentOrNew(ctx, in.Project, req.Environment); err != nil {
		return in, err
	}
	if in.Variables, err = s.Records.Variables(ctx, req.Project, req.Environment); err != nil {
		return in, err
	}
	current, err := s.liveRelease(ctx, in.Environment)
	if err != nil || current == nil {
		return in, err
	}
	if in.Holds, err = s.holds(ctx, in.Environment); err != nil {
		return in, err
	}
	return in, s.servedTree(ctx, &in, current.release.Commit)
}

// servedTree reads the configuration and the digests of the commit that is served. A
// commit that is gone from the repository tells nothing.
func (s *Service) servedTree(ctx context.Context, in *plan.Input, commit string) error {
	tree, err := s.Source.Tree(ctx, in.Project.ID, commit, nil)
	if err != nil {
		return nil // then there is nothing to compare with
	}
	defer func() { _ = tree.Close() }() // read only
	in.Current, _ = manifest.Parse(tree, manifest.Options{Catalog: s.Catalog, AllowUnknownVersions: true})
	if in.Current == nil {
		return nil
	}
	in.Commit = commit
	for _, app := range in.Current.Apps {
		digest, err := sourceDigest(tree, app)
		if err != nil {
			return err
		}
		in.Sources[app.Name] = plan.Source{Current: digest}
		if err := s.addBase(ctx, in, app); err != nil {
			return err
		}
	}
	return nil
}

// sourceDigest returns the digest of an application's files, as plan.SourceDigest makes it.
func sourceDigest(tree Tree, app *manifest.Application) (string, error) {
	digest, err := tree.Digest(app.Root, topology.ConfigFiles())
	if err != nil {
		return "", fmt.Errorf("digest of the source tree: %w", err)
	}
	return digest, nil
}

// quote adds the last rehearsal of the same tree to the plan of a push to the environment that
// it was for.
func (s *Service) quote(ctx context.Context, in *plan.Input, req PlanRequest) error {
	last, err := s.Records.LastRehearsal(ctx, req.Project, req.Environment, plan.TreeDigest(req.Files, req.Sources))
	if platform.ErrorCode(err) == platform.CodeNotFound {
		return nil
	}
	if err != nil {
		return err
	}
	var report rehearsal.Report
	if err := json.Unmarshal(last.Report, &report); err != nil {
		return fmt.Errorf("read the report of rehearsal %s: %w", last.Activity, err)
	}
	summary := report.Summary()
	in.Rehearsal = &summary
	return nil
}

// addBase learns the digest of a runtime image from the application's last build.
func (s *Service) addBase(ctx context.Context, in *plan.Input, app *manifest.Application) error {
	parts, ok, err := s.Records.LastKey(ctx, in.Project.ID, app.Name)
	if err != nil {
		return fmt.Errorf("key of the last build: %w", err)
	}
	if ok && parts[topology.KeyApplication] == topology.ApplicationPart(app) {
		in.Bases[app.Type.String()] = parts[topology.KeyRuntimeImage]
		if tools, ok := parts[topology.KeyToolsImage]; ok {
			in.Bases[topology.ToolsOf(app)] = tools
		}
	}
	return nil
}

// findSlugs looks for the slugs that the push needs.
func (s *Service) findSlugs(ctx context.Context, in *plan.Input) error {
	maps.DeleteFunc(in.Sources, func(_ string, source plan.Source) bool { return source.Pushed == "" })
	keys, err := plan.Keys(*in)
	if err != nil {
		return err
	}
	in.Found = map[string]bool{}
	for app, key := range keys {
		if _, in.Found[app], err = s.lookup(ctx, nil, in.Project.ID, app, key); err != nil {
			return err
		}
	}
	return nil
}

// holds returns how long requests were held by the environment's releases that went live,
// newest first.
func (s *Service) holds(ctx context.Context, env platform.Environment) ([]time.Duration, error) {
	releases, err := s.Records.Releases(ctx, env.Project, env.Name)
	if err != nil {
		return nil, fmt.Errorf("earlier releases: %w", err)
	}
	var out []time.Duration
	for _, r := range releases {
		if r.LiveAt.IsZero() {
			continue
		}
		a, err := s.Records.Activity(ctx, r.Activity)
		if err != nil {
			continue // its record was removed
		}
		if d := a.Hold.Duration(); d > 0 {
			out = append(out, d)
		}
	}
	return out, nil
}
