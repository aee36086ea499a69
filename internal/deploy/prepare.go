package deploy

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"sluice/internal/contract"
	"sluice/internal/engine"
	"sluice/internal/platform"
	"sluice/internal/topology"
)

// prepare makes everything of the new release that visitors do not notice.
func (d *deployment) prepare(ctx context.Context) error {
	d.log.Line(3, "Preparing deployment")
	images, err := d.serviceImages(ctx)
	if err != nil {
		return failed(phraseDeploy, "", err)
	}
	if err := d.newRelease(ctx, images); err != nil {
		return failed(phraseDeploy, "", err)
	}
	out := d.log.At(4)
	err = d.Engine.Prepare(ctx, d.plan.Spec, out)
	_ = out.Close() // never fails
	if err != nil {
		return d.preparationFailed(ctx, err)
	}
	return nil
}

func (d *deployment) serviceImages(ctx context.Context) (map[string]platform.ImageRef, error) {
	wanted, err := topology.ServiceImages(d.manifest, d.Catalog)
	if err != nil {
		return nil, err
	}
	out := d.log.At(4)
	defer func() { _ = out.Close() }() // never fails
	refs := map[string]platform.ImageRef{}
	for _, img := range wanted {
		ref, err := d.Images.Ensure(ctx, img, out)
		if err != nil {
			return nil, fmt.Errorf("image %s: %w", img.Name, err)
		}
		refs[img.Name] = ref
	}
	return refs, nil
}

// newRelease resolves the wanted state and records it before anything of it exists.
func (d *deployment) newRelease(ctx context.Context, images map[string]platform.ImageRef) error {
	id, err := d.Store.NextRelease(ctx, d.project.ID, d.env.Name)
	if err != nil {
		return fmt.Errorf("number the release: %w", err)
	}
	site, err := d.site(ctx, d.project.ID)
	if err != nil {
		return err
	}
	in := topology.Input{
		Project: d.project, Environment: d.env, Release: id, Manifest: d.manifest, Catalog: d.Catalog,
		Images: images, Slugs: d.release.Slugs, Variables: d.vars, Site: site, Toolkit: d.opts.Toolkit,
	}
	if d.opts.Authority != nil {
		in.Authority = d.opts.Authority(ctx)
	}
	if d.previous != nil {
		in.Previous = &d.previous.plan.Spec
	}
	wanted, err := topology.Resolve(in)
	if err != nil {
		return err
	}
	for _, n := range wanted.Notices {
		d.log.Line(4, "W: %s", n)
	}
	d.plan = d.planOf(wanted)
	spec, err := json.Marshal(d.plan)
	if err != nil {
		return fmt.Errorf("encode the release: %w", err)
	}
	d.release = platform.Release{
		ID: id, Project: d.project.ID, Env: d.env.Name, Activity: d.activity.ID, Commit: d.activity.Commit,
		State: platform.ReleasePreparing, Slugs: d.release.Slugs, Routes: wanted.Routes, Spec: spec, CreatedAt: time.Now().UTC(),
	}
	if err := d.Store.SaveRelease(ctx, d.release); err != nil {
		return fmt.Errorf("record the release: %w", err)
	}
	d.activity.Release = id
	return d.record(ctx, platform.StepPrepare)
}

// planOf adds to the specification what runs beside the containers.
func (d *deployment) planOf(wanted topology.Result) plan {
	p := plan{Spec: wanted.Spec, MaintenancePage: d.page, Crons: platform.CronPlan{
		Project: d.project.ID, Name: d.env.Name, Environment: d.env.ID(), Release: wanted.Spec.Release,
	}}
	toolkit := false
	for _, app := range d.manifest.Apps {
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
		toolkit = toolkit || contract.RunsToolkit(app.Hooks.PostDeploy) // which warms the site itself
	}
	if !toolkit {
		p.WarmUp = warmUpURLs(d.manifest.Env.WarmUpPages(), wanted.Routes)
	}
	return p
}

func decodePlan(r platform.Release) (plan, error) {
	var p plan
	if err := json.Unmarshal(r.Spec, &p); err != nil {
		return plan{}, fmt.Errorf("decode release %s: %w", r.ID, err)
	}
	return p, nil
}

func (d *deployment) preparationFailed(ctx context.Context, err error) error {
	if cause := stopped(ctx); cause != nil {
		return cause
	}
	f, ok := errors.AsType[*engine.Failure](err)
	if !ok {
		return failed(phraseDeploy, d.tryAgain(), fmt.Errorf("prepare release %s: %w; visitors were not affected", d.release.ID, err))
	}
	text := fmt.Sprintf("'%s' did not become ready: %s. Visitors were not affected.", f.Container, f.Message)
	return failed(phraseDeploy, "mend its configuration in .magento/services.yaml or .magento.app.yaml and push again; "+
		"if the machine was only busy, "+d.tryAgain(),
		quoted(text, f.Tail))
}

func (d *deployment) tryAgain() string {
	return fmt.Sprintf("try again: sluice environment:redeploy -p %s -e %s", d.project.ID, d.env.Name)
}

// preflight refuses what would fail under the hold. A refusal costs the visitors nothing
// (spec: platform 11, rule 4).
func (d *deployment) preflight(ctx context.Context) error {
	disk, err := d.Engine.Disk(ctx)
	if err != nil {
		return failed(phraseDeploy, d.tryAgain(), fmt.Errorf("pre-flight: measure the disk: %w", err))
	}
	const hint = "free some room on the machine (docker image prune; old backups) and redeploy"
	if disk.FreeBytes < d.opts.MinFreeBytes {
		return failed(phraseDeploy, hint, fmt.Errorf(
			"pre-flight: only %d MB of %d MB are free where volumes are kept, %d MB are needed; nothing was changed",
			disk.FreeBytes>>20, disk.TotalBytes>>20, d.opts.MinFreeBytes>>20))
	}
	if disk.TotalInodes > 0 && disk.FreeInodes < minFreeInodes {
		return failed(phraseDeploy, hint, fmt.Errorf(
			"pre-flight: only %d of %d inodes are free where volumes are kept, %d are needed; nothing was changed",
			disk.FreeInodes, disk.TotalInodes, minFreeInodes))
	}
	return d.servicesReady(ctx)
}

const minFreeInodes = 10_000

// servicesReady checks that what the hooks will use answers now.
func (d *deployment) servicesReady(ctx context.Context) error {
	status, err := d.Engine.Observe(ctx, d.env.ID())
	if err != nil {
		return failed(phraseDeploy, d.tryAgain(), fmt.Errorf("pre-flight: observe the environment: %w", err))
	}
	healthy := map[string]bool{}
	for _, c := range status.Containers {
		healthy[c.Name] = c.Running && c.Healthy
	}
	for _, s := range d.plan.Spec.Services {
		if !healthy[s.Name] {
			return failed(phraseDeploy, fmt.Sprintf("look at its log: sluice environment:logs -p %s -e %s --app %s", d.project.ID, d.env.Name, s.Name),
				fmt.Errorf("pre-flight: service '%s' does not answer; nothing was changed", s.Name))
		}
	}
	return nil
}
