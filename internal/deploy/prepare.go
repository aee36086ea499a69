package deploy

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"sluice/internal/contract"
	"sluice/internal/engine"
	"sluice/internal/platform"
	"sluice/internal/topology"
	"sluice/internal/work"
)

// prepare makes everything of the new release that visitors do not notice.
func (d *deployment) prepare(ctx context.Context) error {
	d.log.Blank()
	d.log.Line(2, "%s environment %s", d.verb(), d.env.Name)
	d.log.Line(3, "Preparing deployment")
	if err := d.newRelease(ctx); err != nil {
		return failed("", err)
	}
	if d.replaces() {
		return d.wantVersions() // services start on the new data only
	}
	out := d.log.At(4)
	err := d.s.Engine.Prepare(ctx, d.stored.Spec, out)
	_ = out.Close() // never fails
	if err != nil {
		return d.preparationFailed(ctx, err)
	}
	return nil
}

func (d *deployment) serviceImages(ctx context.Context) (map[string]platform.ImageRef, error) {
	wanted, err := topology.ServiceImages(d.manifest, d.s.Catalog)
	if err != nil {
		return nil, err
	}
	out := d.log.At(4)
	defer func() { _ = out.Close() }() // never fails
	refs := map[string]platform.ImageRef{}
	for _, img := range wanted {
		ref, err := d.s.Images.Ensure(ctx, img, out)
		if err != nil {
			return nil, fmt.Errorf("image %s: %w", img.Name, err)
		}
		refs[img.Name] = ref
	}
	return refs, nil
}

// newRelease records the wanted state before anything of it exists.
func (d *deployment) newRelease(ctx context.Context) error {
	id, err := d.s.Records.NextRelease(ctx, d.project.ID, d.env.Name)
	if err != nil {
		return fmt.Errorf("number the release: %w", err)
	}
	if d.manifest == nil {
		d.again(id)
	} else if err := d.resolve(ctx, id); err != nil {
		return err
	}
	d.release.ID, d.release.Project, d.release.Env = id, d.project.ID, d.env.Name
	d.release.Activity, d.release.Commit = d.job.Activity.ID, d.job.Activity.Commit
	d.release.State = platform.ReleasePreparing
	if err := d.stored.write(&d.release); err != nil {
		return err
	}
	if err := d.s.Records.SaveRelease(ctx, d.release); err != nil {
		return fmt.Errorf("save the release: %w", err)
	}
	d.job.Activity.Release = id
	return d.job.Record(ctx, platform.StepPrepare)
}

// resolve computes the wanted state from the commit's files.
func (d *deployment) resolve(ctx context.Context, id string) error {
	images, err := d.serviceImages(ctx)
	if err != nil {
		return err
	}
	site, err := d.s.site(ctx, d.project.ID)
	if err != nil {
		return err
	}
	env := d.env
	env.Subnet = d.s.subnet(env)
	in := topology.Input{
		Project: d.project, Environment: env, Release: id, Manifest: d.manifest, Catalog: d.s.Catalog,
		Images: images, Slugs: d.release.Slugs, Variables: d.vars, Site: site, Toolkit: d.s.opts.Toolkit,
		Authority: d.s.Authority.Certificate(ctx),
	}
	if d.previous != nil {
		in.Previous = &d.previous.stored.Spec
	}
	if d.rehearsed != nil {
		in.Branch, in.Isolated = d.rehearsed.target.Name, true
	}
	wanted, err := topology.Resolve(in)
	if err != nil {
		return err
	}
	for _, n := range wanted.Notices {
		d.log.Line(4, "W: %s", n)
	}
	d.stored = d.toStore(wanted)
	d.release = platform.Release{Slugs: d.release.Slugs, Routes: wanted.Routes, CreatedAt: time.Now().UTC()}
	return nil
}

// toStore adds to the specification what runs beside the containers.
func (d *deployment) toStore(wanted topology.Result) storedRelease {
	p := storedRelease{Spec: wanted.Spec, MaintenancePage: d.page, Crons: platform.CronPlan{
		Project: d.project.ID, Name: d.env.Name, Environment: d.env.ID(), Release: wanted.Spec.Release,
	}}
	toolkit := false
	for _, app := range d.manifest.Apps {
		p.Summary = append(p.Summary, fmt.Sprintf("%s (type: %s, disk: %d)", app.Name, app.Type, app.Disk))
		p.Crons.Timezone = app.Timezone
		for _, c := range app.Crons {
			p.Crons.Jobs = append(p.Crons.Jobs, platform.CronJob{
				App: app.Name, Name: c.Name, Spec: c.Spec, Command: []string{"/bin/sh", topology.CronFile(c.Name)},
				Shutdown: c.ShutdownTimeout, Timeout: c.Timeout,
			})
		}
		if strings.TrimSpace(app.Hooks.PostDeploy) != "" {
			p.PostDeploy = append(p.PostDeploy, app.Name)
		}
		toolkit = toolkit || contract.RunsToolkit(app.Hooks.PostDeploy)
	}
	for _, s := range d.manifest.Services {
		p.Summary = append(p.Summary, fmt.Sprintf("%s (type: %s, disk: %d)", s.Name, s.Type, s.Disk))
		p.Services = append(p.Services, platform.DeployedService{
			Name: s.Name, Type: s.Written().String(), Size: s.Size, Disk: s.Disk, Configuration: s.Configuration,
		})
	}
	if !toolkit { // which warms the site itself
		var notices []string
		p.WarmUp, notices = topology.WarmUp(d.manifest.Env.WarmUpPages(), wanted.Routes)
		for _, n := range notices {
			d.log.Line(4, "W: %s", n)
		}
	}
	return p
}

func (d *deployment) preparationFailed(ctx context.Context, err error) error {
	if cause := context.Cause(ctx); cause != nil {
		return cause
	}
	f, ok := errors.AsType[*engine.Failure](err)
	if !ok {
		return failed(d.tryAgain(), fmt.Errorf("prepare release %s: %w; visitors were not affected", d.release.ID, err))
	}
	text := fmt.Sprintf("'%s' did not become ready: %s. Visitors were not affected.", f.Container, f.Message)
	return failed("fix its configuration in .magento/services.yaml or .magento.app.yaml and push again; "+
		"if the machine was only busy, "+d.tryAgain(),
		work.Quoted(text, f.Tail))
}

func (d *deployment) tryAgain() string {
	if d.rehearsed != nil {
		return d.rehearsed.tryAgain()
	}
	return fmt.Sprintf("try again: sluice environment:redeploy -p %s -e %s", d.project.ID, d.env.Name)
}

// preflight refuses what would fail under the hold. A refusal costs the visitors nothing.
func (d *deployment) preflight(ctx context.Context) error {
	disk, err := d.s.Engine.Disk(ctx)
	if err != nil {
		return failed(d.tryAgain(), fmt.Errorf("pre-flight: measure the disk: %w", err))
	}
	const hint = "free some room on the machine (docker image prune; old backups) and redeploy"
	if disk.FreeBytes < d.s.opts.MinFreeBytes {
		return failed(hint, fmt.Errorf(
			"pre-flight: only %d MB of %d MB are free where volumes are kept, %d MB are needed; nothing was changed",
			disk.FreeBytes>>20, disk.TotalBytes>>20, d.s.opts.MinFreeBytes>>20))
	}
	if disk.TotalInodes > 0 && disk.FreeInodes < minFreeInodes {
		return failed(hint, fmt.Errorf(
			"pre-flight: only %d of %d inodes are free where volumes are kept, %d are needed; nothing was changed",
			disk.FreeInodes, disk.TotalInodes, minFreeInodes))
	}
	if d.replaces() {
		return nil
	}
	return d.servicesReady(ctx)
}

const minFreeInodes = 10_000

// servicesReady checks that the services that the hooks will use are healthy now.
func (d *deployment) servicesReady(ctx context.Context) error {
	status, err := d.s.Engine.Observe(ctx, d.env.ID())
	if err != nil {
		return failed(d.tryAgain(), fmt.Errorf("pre-flight: observe the environment: %w", err))
	}
	healthy := map[string]bool{}
	for _, c := range status.Containers {
		healthy[c.Name] = c.Running && c.Healthy
	}
	for _, s := range d.stored.Spec.Services {
		if !healthy[s.Name] {
			return failed(fmt.Sprintf("see its log: sluice environment:logs -p %s -e %s --app %s", d.project.ID, d.env.Name, s.Name),
				fmt.Errorf("pre-flight: service '%s' is not healthy; nothing was changed", s.Name))
		}
	}
	return nil
}
