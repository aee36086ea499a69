package deploy

import (
	"context"
	"errors"
	"slices"
	"time"

	"sluice/internal/platform"
	"sluice/internal/work"
)

// heldWarmUp is, unless Options say otherwise, for how long the pages of the new release are loaded before the requests
// that wait are released. Visitors would wait for cold caches in any case, and all at once.
const heldWarmUp = 3 * time.Second

// errWarmEnough ends a warm-up that visitors wait for.
var errWarmEnough = errors.New("visitors do not wait longer for it")

// warmHeld loads pages of the new release while requests are still held, when its deploy
// hook may have emptied caches. Nothing of it fails the deployment, and the hold's own
// limit is left alone.
func (d *deployment) warmHeld(ctx context.Context) {
	urls := d.pagesToWarm()
	if !d.offered || d.reach < platform.Touched || len(urls) == 0 {
		return
	}
	budget := d.s.opts.HeldWarmUp
	if limit, _ := d.holdLimits(); time.Since(d.heldSince)+2*budget > limit {
		d.log.Line(3, "Loading no pages before requests are released: they have waited for %s", work.Took(time.Since(d.heldSince)))
		return
	}
	link, _, err := d.s.Gate.Bypass(ctx, d.env.ID(), time.Minute)
	if err != nil {
		d.log.Line(3, "W: no pages are loaded before requests are released: %v", err)
		return
	}
	d.log.Line(3, "Loading %s before requests are released (for %s at most)", counted(len(urls), "page"), work.Took(budget))
	ctx, cancel := context.WithTimeoutCause(ctx, budget, errWarmEnough)
	defer cancel()
	out := d.log.At(4)
	err = d.s.Warmer.WarmHeld(ctx, link, urls, out)
	_ = out.Close() // never fails
	if err != nil {
		d.log.Line(4, "The warm-up ended early: %v", err)
	}
}

// pagesToWarm are those of WARM_UP_PAGES, else the front page.
func (d *deployment) pagesToWarm() []string {
	if len(d.stored.WarmUp) > 0 {
		return d.stored.WarmUp
	}
	routes := d.release.Routes
	i := slices.IndexFunc(routes, func(r platform.Route) bool { return r.Primary && r.Type == platform.RouteUpstream })
	if i < 0 {
		return nil
	}
	return []string{routes[i].URL}
}

// countAnswers completes the report of the hold by what became of the requests that it
// released, which the router knew only later.
func (d *deployment) countAnswers(ctx context.Context) {
	held := d.job.Activity.Hold
	if held.Held == 0 {
		return
	}
	report, err := d.s.Gate.LastHold(ctx, d.env.ID())
	if err != nil {
		d.s.Log.WarnContext(ctx, "could not read the report of the hold", "activity", d.job.Activity.ID, "error", err)
		return
	}
	if report.StartedAt.Equal(held.StartedAt) {
		d.job.Activity.Hold = report
	}
}
