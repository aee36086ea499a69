package deploy

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"sluice/internal/build"
	"sluice/internal/manifest"
	"sluice/internal/platform"
	"sluice/internal/topology"
)

// readManifest parses the commit's files again: the pushed ones were validated, but an
// older commit may be deployed against a newer catalog.
func (d *deployment) readManifest(ctx context.Context) error {
	if d.activity.Commit == "" {
		d.activity.Commit = d.env.HeadCommit
	}
	if d.activity.Commit == "" {
		return failed(phraseDeploy, "", platform.Errorf(platform.CodeInvalid, "environment %s has no code", d.env.Name).
			WithHint("push a branch: git push sluice %s", d.env.Name))
	}
	tree, err := d.Source.Tree(ctx, d.project.ID, d.activity.Commit, nil)
	if err != nil {
		return failed(phraseDeploy, "", fmt.Errorf("read commit %s: %w", d.activity.Commit, err))
	}
	defer func() { _ = tree.Close() }() // read only
	m, findings := manifest.Parse(tree, manifest.Options{Catalog: d.Catalog})
	if findings.HasErrors() {
		report(d.log, findings)
		return failed("Invalid deployment", "mend the lines above and push again",
			errors.New("the configuration of this commit has errors; the site was not touched"))
	}
	d.manifest = m
	d.page = d.readMaintenancePage(tree)
	return nil
}

// build makes every application's slug, side by side, or finds those that exist.
func (d *deployment) build(ctx context.Context) error {
	d.release.Slugs = map[string]platform.Slug{}
	var mu sync.Mutex
	group, ctx := errgroup.WithContext(ctx)
	for _, app := range d.manifest.Apps {
		group.Go(func() error {
			b := &applicationBuild{deployment: d, app: app}
			slug, err := b.run(ctx)
			if cause := stopped(ctx); err != nil && cause != nil {
				return cause // whatever it was in the middle of
			}
			if err != nil {
				return err
			}
			mu.Lock()
			defer mu.Unlock()
			d.release.Slugs[app.Name] = slug
			d.activity.Commands = append(d.activity.Commands, b.result...)
			return nil
		})
	}
	return group.Wait()
}

// applicationBuild is the build of one application.
type applicationBuild struct {
	*deployment
	app    *manifest.Application
	result []platform.CommandResult
}

func (b *applicationBuild) run(ctx context.Context) (platform.Slug, error) {
	req, err := b.request(ctx)
	if err != nil {
		return platform.Slug{}, failed(phraseBuild, "", err)
	}
	b.log.Blank()
	b.log.Line(2, "Building application '%s' (runtime type: %s, tree: %.7s)", b.app.Name, b.app.Type, req.TreeID)
	if !req.Fresh {
		slug, ok, err := b.Builder.Lookup(ctx, b.project.ID, b.app.Name, req.Key)
		if err != nil {
			return platform.Slug{}, failed(phraseBuild, "", fmt.Errorf("look for an existing slug: %w", err))
		}
		if ok {
			b.log.Line(3, "Reusing existing build for this tree ID")
			b.remember(ctx, req)
			// The application is told of the tree that it runs, which may differ from the
			// one that was built in files that are no part of a slug.
			slug.TreeID = req.TreeID
			return slug, nil
		}
	}
	b.sayWhy(ctx, req)
	return b.build(ctx, req)
}

// request gathers what the build depends on.
func (b *applicationBuild) request(ctx context.Context) (build.Request, error) {
	runtime, ok := b.Catalog.Runtime(b.app.Type.Name, b.app.Type.Version)
	if !ok {
		return build.Request{}, fmt.Errorf("cannot build application of type %s: it is not in the catalog", b.app.Type)
	}
	base, err := b.Images.Ensure(ctx, runtime.Image, b.log.At(3))
	if err != nil {
		return build.Request{}, fmt.Errorf("runtime image of %s: %w", b.app.Type, err)
	}
	tree, err := b.Source.Tree(ctx, b.project.ID, b.activity.Commit, nil)
	if err != nil {
		return build.Request{}, fmt.Errorf("read commit %s: %w", b.activity.Commit, err)
	}
	defer func() { _ = tree.Close() }() // read only
	digest, err := tree.Digest(b.app.Root, topology.ConfigFiles())
	if err != nil {
		return build.Request{}, fmt.Errorf("digest of the source tree: %w", err)
	}
	id, err := tree.TreeID(b.app.Root)
	if err != nil {
		return build.Request{}, fmt.Errorf("id of the source tree: %w", err)
	}
	req, err := topology.Build(topology.BuildInput{
		Project: b.project, App: b.app, Catalog: b.Catalog, Base: base,
		TreeDigest: digest, TreeID: id, Variables: b.vars, Toolkit: b.opts.Toolkit,
	})
	req.Network = b.opts.BuildNetwork
	req.Fresh = b.activity.Parameters["build.force"] == "true"
	return req, err
}

// sayWhy names the parts of the key that changed since the application's last build.
func (b *applicationBuild) sayWhy(ctx context.Context, req build.Request) {
	if req.Fresh {
		b.log.Line(3, "Building anew because it was asked for (build.force)")
		return
	}
	last, ok, err := b.Store.LastKey(ctx, b.project.ID, b.app.Name)
	if err != nil || !ok {
		return // the first build needs no reason
	}
	old := build.Key{}
	for name, value := range last {
		old = old.With(name, value)
	}
	if changed := req.Key.Changed(old); len(changed) > 0 {
		b.log.Line(3, "Rebuilding because of: %s", strings.Join(changed, ", "))
	} else {
		b.log.Line(3, "Rebuilding because the earlier slug is gone")
	}
}

// build checks the tree out and runs the builder, a bounded number at a time.
func (b *applicationBuild) build(ctx context.Context, req build.Request) (platform.Slug, error) {
	if err := b.builds.Acquire(ctx, 1); err != nil {
		return platform.Slug{}, fmt.Errorf("wait for a build slot: %w", context.Cause(ctx))
	}
	defer b.builds.Release(1)
	req.SourceDir = b.checkoutDir(b.project.ID, b.app.Name)
	defer b.lockCheckout(req.SourceDir)()
	if err := b.Source.Checkout(ctx, b.project.ID, b.activity.Commit, b.app.Root, req.SourceDir); err != nil {
		return platform.Slug{}, failed(phraseBuild, "", fmt.Errorf("check out %s: %w", b.activity.Commit, err))
	}
	start := time.Now()
	out, done := b.log.watched(3, nil)
	slug, err := b.Builder.Build(ctx, req, out)
	done()
	result := platform.CommandResult{App: b.app.Name, Type: "build", Duration: time.Since(start)}
	if f, ok := errors.AsType[*build.Failure](err); ok {
		result.ExitCode = f.ExitCode
		b.result = append(b.result, result)
		return platform.Slug{}, b.failure(f)
	}
	if err != nil {
		return platform.Slug{}, b.broken(ctx, err)
	}
	b.result = append(b.result, result)
	b.remember(ctx, req)
	return slug, nil
}

// failure words a fault of the application (spec: platform 1.10).
func (b *applicationBuild) failure(f *build.Failure) error {
	reason := fmt.Sprintf("The build %s failed with status code %d. Aborted build.", f.Step, f.ExitCode)
	if f.Reason != "" {
		reason = fmt.Sprintf("The build %s was stopped: %s. Aborted build.", f.Step, f.Reason)
	}
	text := reason + "\nApplication '" + b.app.Name + "'; " + b.unharmed() + " and nothing else was done."
	return &failure{
		Phrase: phraseBuild, Err: quoted(text, f.Tail), Shown: len(b.manifest.Apps) == 1,
		Hint: b.mend(f.Step),
	}
}

// mend says where the fault of a step is likely to be.
func (b *applicationBuild) mend(step string) string {
	if step == "flavor" {
		return fmt.Sprintf("mend composer.json or composer.lock of %s, or its access to the packages (auth.json, or the variable env:COMPOSER_AUTH), and push again; "+
			"with build.flavor none in %s, nothing is installed before the build hook", b.app.Name, b.app.File)
	}
	return fmt.Sprintf("mend the %s of %s in %s and push again", step, b.app.Name, b.app.File)
}

func (b *applicationBuild) broken(ctx context.Context, err error) error {
	if cause := stopped(ctx); cause != nil {
		return cause
	}
	return failed(phraseBuild, fmt.Sprintf("try again: sluice environment:redeploy -p %s -e %s", b.project.ID, b.env.Name),
		fmt.Errorf("build of application '%s': %w; %s", b.app.Name, err, b.unharmed()))
}

func (b *applicationBuild) remember(ctx context.Context, req build.Request) {
	parts := map[string]string{}
	for _, p := range req.Key.Parts {
		parts[p.Name] = p.Value
	}
	if err := b.Store.SaveKey(context.WithoutCancel(ctx), b.project.ID, b.app.Name, parts); err != nil {
		b.Log.WarnContext(ctx, "remember a build key", "error", err)
	}
}
