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
	"sluice/internal/contract"
	"sluice/internal/manifest"
	"sluice/internal/platform"
	"sluice/internal/topology"
	"sluice/internal/work"
)

// openCommit parses the commit's files again: the pushed ones were validated, but an older
// commit may be deployed against a newer catalog.
func (d *deployment) openCommit(ctx context.Context) error {
	if d.job.Activity.Commit == "" {
		d.job.Activity.Commit = d.env.HeadCommit
	}
	if d.job.Activity.Commit == "" {
		return failed("", platform.Errorf(platform.CodeInvalid, "environment %s has no code", d.env.Name).
			WithHint("push a branch: git push sluice %s", d.env.Name))
	}
	tree, err := d.s.Source.Tree(ctx, d.project.ID, d.job.Activity.Commit, nil)
	if err != nil {
		return failed("", fmt.Errorf("read commit %s: %w", d.job.Activity.Commit, err))
	}
	defer func() { _ = tree.Close() }() // read only
	m, findings := manifest.Parse(tree, manifest.Options{Catalog: d.s.Catalog})
	if findings.HasErrors() {
		report(d.log, findings)
		return work.Failed("Invalid deployment", "fix what the lines above name and push again",
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
			b := &applicationBuild{d: d, log: d.log, app: app}
			slug, err := b.run(ctx)
			if cause := context.Cause(ctx); err != nil && cause != nil {
				return cause // whatever it was in the middle of
			}
			if err != nil {
				return err
			}
			mu.Lock()
			defer mu.Unlock()
			d.release.Slugs[app.Name] = slug
			d.job.Activity.Commands = append(d.job.Activity.Commands, b.result...)
			return nil
		})
	}
	return group.Wait()
}

// applicationBuild is the build of one application.
type applicationBuild struct {
	d      *deployment
	log    *work.Logbook // the deployment's
	app    *manifest.Application
	result []platform.CommandResult
}

func (b *applicationBuild) run(ctx context.Context) (platform.Slug, error) {
	req, err := b.request(ctx)
	if err != nil {
		return platform.Slug{}, work.Failed(phraseBuild, "", err)
	}
	b.log.Blank()
	b.log.Line(2, "Building application '%s' (runtime type: %s, tree: %.7s)", b.app.Name, b.app.Type, req.TreeID)
	if !req.Fresh {
		slug, ok, err := b.d.s.lookup(ctx, b.d, b.d.project.ID, b.app.Name, req.Key)
		if err != nil {
			return platform.Slug{}, work.Failed(phraseBuild, "", err)
		}
		if ok {
			b.log.Line(3, "Reusing existing build for this tree ID")
			b.remember(ctx, req)
			// The application learns the tree that it runs, which may differ from the one that
			// was built in files that are not part of a slug.
			slug.TreeID = req.TreeID
			return slug, nil
		}
	}
	b.sayWhy(ctx, req)
	return b.build(ctx, req)
}

// builtFor returns the type of environment that may use the slug.
func (d *deployment) builtFor() platform.EnvironmentType {
	if d.rehearsed != nil {
		return d.rehearsed.from.Type
	}
	return d.env.Type
}

// request gathers what the build depends on.
func (b *applicationBuild) request(ctx context.Context) (build.Request, error) {
	runtime, ok := b.d.s.Catalog.Runtime(b.app.Type.Name, b.app.Type.Version)
	if !ok {
		return build.Request{}, fmt.Errorf("cannot build application of type %s: it is not in the catalog", b.app.Type)
	}
	base, err := b.d.s.Images.Ensure(ctx, runtime.Image, b.log.At(3))
	if err != nil {
		return build.Request{}, fmt.Errorf("runtime image of %s: %w", b.app.Type, err)
	}
	var tools platform.ImageRef
	if img, ok := topology.ToolsImage(b.d.s.Catalog, b.app); ok {
		if tools, err = b.d.s.Images.Ensure(ctx, img, b.log.At(3)); err != nil {
			return build.Request{}, fmt.Errorf("build image of %s: %w", b.app.Type, err)
		}
	}
	tree, err := b.d.s.Source.Tree(ctx, b.d.project.ID, b.d.job.Activity.Commit, nil)
	if err != nil {
		return build.Request{}, fmt.Errorf("read commit %s: %w", b.d.job.Activity.Commit, err)
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
		Project: b.d.project, App: b.app, Catalog: b.d.s.Catalog, Base: base, Tools: tools,
		TreeDigest: digest, TreeID: id, Variables: b.d.vars, Toolkit: b.d.s.opts.Toolkit, Type: b.d.builtFor(),
	})
	req.Network = b.d.s.opts.BuildNetwork
	req.Fresh = b.d.job.Activity.Parameters[optionForce] == "true"
	return req, err
}

// sayWhy names the parts of the key that changed since the application's last build.
func (b *applicationBuild) sayWhy(ctx context.Context, req build.Request) {
	if req.Fresh {
		b.log.Line(3, "Building again because it was asked for (build.force)")
		return
	}
	last, ok, err := b.d.s.Records.LastKey(ctx, b.d.project.ID, b.app.Name)
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
	release, err := b.d.s.builds.acquire(ctx, b.d.project.ID, b.d.s.alone(ctx))
	if err != nil {
		return platform.Slug{}, fmt.Errorf("wait for a build slot: %w", err)
	}
	defer release()
	req.SourceDir = b.d.s.checkoutDir(b.d.project.ID, b.app.Name)
	defer b.d.s.lockCheckout(req.SourceDir)()
	if err := b.d.s.Source.Checkout(ctx, b.d.project.ID, b.d.job.Activity.Commit, b.app.Root, req.SourceDir); err != nil {
		return platform.Slug{}, work.Failed(phraseBuild, "", fmt.Errorf("check out %s: %w", b.d.job.Activity.Commit, err))
	}
	start := time.Now()
	out, done := watched(b.log, 3, heard{})
	slug, err := b.d.s.Builder.Build(ctx, req, out)
	done()
	result := platform.CommandResult{App: b.app.Name, Type: "build", Duration: time.Since(start)}
	if f, ok := errors.AsType[*build.Failure](err); ok {
		result.ExitCode = f.ExitCode
		b.result = append(b.result, result)
		return platform.Slug{}, b.failure(f)
	}
	if err != nil {
		return platform.Slug{}, b.broken(err)
	}
	b.result = append(b.result, result)
	b.d.lease(slug.Ref)
	b.remember(ctx, req)
	return slug, nil
}

// failure words a fault of the application.
func (b *applicationBuild) failure(f *build.Failure) error {
	reason := fmt.Sprintf("The build %s failed with status code %d. Aborted build.", f.Step, f.ExitCode)
	if f.Reason != "" {
		reason = fmt.Sprintf("The build %s was stopped: %s. Aborted build.", f.Step, f.Reason)
	}
	text := reason + "\nApplication '" + b.app.Name + "'; " + b.d.unharmed() + " and nothing else was done."
	return &work.Failure{
		Phrase: phraseBuild, Err: work.Quoted(text, f.Tail), Shown: len(b.d.manifest.Apps) == 1,
		Hint: b.advice(f.Step),
	}
}

// advice says where the fault of a step is likely to be.
func (b *applicationBuild) advice(step string) string {
	switch {
	case step == "flavor":
		return fmt.Sprintf("fix composer.json or composer.lock of %s, or its access to the packages (auth.json, or the variable env:COMPOSER_AUTH), and push again; "+
			"with build.flavor none in %s, nothing is installed before the build hook", b.app.Name, b.app.File)
	case step == "hook" && contract.TellsTouch(b.app.Hooks.Build):
		return "the hook itself only runs ece-tools: fix the code, patch or setting that the output above names and push again, or " + revert(b.d.job.Activity.Commit)
	default:
		return fmt.Sprintf("fix what the output above names, or the %s of %s in %s, and push again", step, b.app.Name, b.app.File)
	}
}

// revert is the way back for a commit whose code is at fault.
func revert(commit string) string {
	return fmt.Sprintf("revert the commit (git revert %.10s) and push", commit)
}

func (b *applicationBuild) broken(err error) error {
	return work.Failed(phraseBuild, fmt.Sprintf("try again: sluice environment:redeploy -p %s -e %s", b.d.project.ID, b.d.env.Name),
		fmt.Errorf("build of application '%s': %w; %s", b.app.Name, err, b.d.unharmed()))
}

func (b *applicationBuild) remember(ctx context.Context, req build.Request) {
	parts := map[string]string{}
	for _, p := range req.Key.Parts {
		parts[p.Name] = p.Value
	}
	if err := b.d.s.Records.SaveKey(context.WithoutCancel(ctx), b.d.project.ID, b.app.Name, parts); err != nil {
		b.d.s.Log.WarnContext(ctx, "could not save a build key", "error", err)
	}
}
