package cli

import (
	"context"
	"fmt"
	"strings"
	"time"

	"sluice/apiv1"
	"sluice/internal/termtext"
)

const (
	redrawEvery  = 100 * time.Millisecond
	refreshEvery = time.Second // of the activity's phase; a terminal only
)

// await shows the log of an activity on stderr until it is final, and returns its outcome.
// When ctx ends, the activity goes on.
func (c *program) await(ctx context.Context, client *apiv1.Client, id string) error {
	a, err := client.Activity(ctx, id)
	if err != nil {
		return err
	}
	c.note("Activity %s: %s", a.ID, printable(a.Text))
	if err := c.watch(ctx, client, a); err != nil {
		if ctx.Err() != nil {
			c.note("The activity continues: sluice activity:log %s", id)
		}
		return err
	}
	a, err = finalActivity(ctx, client, id)
	if err != nil {
		return err
	}
	if a.FailedPhase() == "" && a.State != apiv1.StateCancelled {
		c.note("%s", summary(a))
	}
	return outcome(a)
}

// finalActivity returns the activity once it is final, which it is soon after the seal.
func finalActivity(ctx context.Context, client *apiv1.Client, id string) (apiv1.Activity, error) {
	for {
		a, err := client.Activity(ctx, id)
		if err != nil || a.Final() {
			return a, err
		}
		select {
		case <-ctx.Done():
			return a, context.Cause(ctx)
		case <-time.After(redrawEvery):
		}
	}
}

// watch prints the log. On a terminal a status line below it says in which phase the
// activity is, and for how long.
func (c *program) watch(ctx context.Context, client *apiv1.Client, a apiv1.Activity) error {
	if c.quiet || !isTerminal(c.err) {
		return c.printLog(ctx, client, a.ID)
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	lines, logged := make(chan string), make(chan error, 1)
	go func() {
		logged <- streamLines(ctx, client, a.ID, lines)
	}()
	phases := make(chan apiv1.Activity)
	go refresh(ctx, client, a.ID, phases)

	status := newStatusLine(c.err, c.width(c.err), a, time.Now())
	redraw := time.NewTicker(redrawEvery)
	defer redraw.Stop()
	for {
		select {
		case err := <-logged:
			status.clear()
			return err
		case line := <-lines:
			status.print(line)
		case a := <-phases:
			status.update(a, time.Now())
		case <-redraw.C:
		}
		status.draw(time.Now())
	}
}

func (c *program) printLog(ctx context.Context, client *apiv1.Client, id string) error {
	for item, err := range client.ActivityLog(ctx, id, true) {
		if err != nil {
			return err
		}
		if c.quiet {
			continue
		}
		if err := writeText(c.err, termtext.Line(item.Message)); err != nil {
			return err
		}
	}
	return nil
}

func streamLines(ctx context.Context, client *apiv1.Client, id string, lines chan<- string) error {
	for item, err := range client.ActivityLog(ctx, id, true) {
		if err != nil {
			return err
		}
		select {
		case lines <- termtext.Line(item.Message):
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	return nil
}

// refresh keeps the phase current. A failure costs nothing but that.
func refresh(ctx context.Context, client *apiv1.Client, id string, phases chan<- apiv1.Activity) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-time.After(refreshEvery):
		}
		a, err := client.Activity(ctx, id)
		if err != nil {
			continue
		}
		select {
		case <-ctx.Done():
			return
		case phases <- a:
		}
	}
}

// outcome turns a final activity into the error, and so the exit status, that it means.
func outcome(a apiv1.Activity) error {
	hint := firstOf(a.Hint, "`sluice activity:log "+a.ID+"` shows the log")
	if a.State == apiv1.StateCancelled {
		return fail(ExitCancelled, a.Hint, "the activity %s was cancelled%s", a.ID, because(a.Reason))
	}
	phase := a.FailedPhase()
	if phase != "" && a.Type == rehearseType {
		return fail(ExitDeployFailed, hint, "the rehearsal %s failed%s", a.ID, because(a.Reason))
	}
	switch phase {
	case "":
		return nil
	case apiv1.PhaseBuild:
		return fail(ExitBuildFailed, hint, "the build failed in activity %s%s", a.ID, because(a.Reason))
	case apiv1.PhasePostDeploy:
		return fail(ExitPostDeploy, hint, "the post-deploy phase failed in activity %s, and the new release is live%s", a.ID, because(a.Reason))
	default:
		if ofBackup(a) {
			return fail(ExitFailure, hint, "activity %s failed%s", a.ID, because(a.Reason))
		}
		return fail(ExitDeployFailed, hint, "the deployment failed in activity %s%s", a.ID, because(a.Reason))
	}
}

// ofBackup reports whether an activity makes, checks or deletes a backup: it deploys nothing.
func ofBackup(a apiv1.Activity) bool { return strings.HasPrefix(a.Type, "environment.backup") }

func because(reason string) string {
	if reason == "" {
		return ""
	}
	return ": " + reason
}

// summary says how long a successful activity took and what it cost the visitors.
func summary(a apiv1.Activity) string {
	t := a.Timings
	if ofBackup(a) || a.Type == rehearseType {
		return fmt.Sprintf("Activity %s succeeded in %s", a.ID, seconds(t.Wait+t.Execute))
	}
	var b strings.Builder
	fmt.Fprintf(&b, "Activity %s succeeded in %s: waited %s, build %s, deploy %s, post-deploy %s",
		a.ID, seconds(t.Wait+t.Execute), seconds(t.Wait), seconds(t.Build), seconds(t.Deploy), seconds(t.PostDeploy))
	if h := a.Hold; h != nil {
		fmt.Fprintf(&b, "\nRequests were held for %s: %d waited, the longest %s", seconds(h.Duration), h.Held, seconds(h.LongestWait))
		if lost := h.TimedOut + h.Refused; lost > 0 {
			fmt.Fprintf(&b, "; %d got status 503", lost)
		}
	}
	return b.String()
}

func seconds(s float64) string {
	return clock(time.Duration(s * float64(time.Second)))
}

// clock shows a duration to a tenth of a second below a minute, and to the second above.
func clock(d time.Duration) string {
	if d < time.Minute {
		return fmt.Sprintf("%.1fs", d.Seconds())
	}
	return d.Round(time.Second).String()
}
