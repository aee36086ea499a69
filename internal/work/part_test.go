package work_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	"sluice/internal/platform"
	"sluice/internal/work"
)

// TestPartsOfAnActivity: the steps of a part are the whole's unless they are silent, and only the
// whole has a record.
func TestPartsOfAnActivity(t *testing.T) {
	h := newHouse(t)
	var recorded []platform.Step
	opts := work.Options{OnStep: func(s platform.Step) { recorded = append(recorded, s) }}
	q := h.queue(opts, func(ctx context.Context, job *work.Job) error {
		silent, heard := job.Part(platform.Activity{ID: job.Activity.ID, Commit: "c"}, true), job.Part(platform.Activity{ID: job.Activity.ID}, false)
		step := func(j *work.Job, name platform.Step) error {
			return j.Step(ctx, name, func(context.Context) error { j.Log.Line(0, "in %s", name); return nil })
		}
		if err := errors.Join(heard.Hide([]string{"hunter22"}), step(silent, "two"), step(heard, "one")); err != nil {
			return err
		}
		if err := heard.NoCancel(ctx); err != nil || !job.Activity.Cancellable {
			t.Errorf("a part ends the whole's chance to be cancelled: %v", err)
		}
		if len(silent.Activity.Timings) != 1 || silent.Activity.Phase != platform.PhaseDeploy || len(heard.Activity.Timings) != 1 || len(job.Activity.Timings) != 0 {
			t.Errorf("timings %v, %v and %v", silent.Activity.Timings, heard.Activity.Timings, job.Activity.Timings)
		}
		if got := job.Masked("a hunter22 b"); strings.Contains(got, "hunter22") {
			t.Errorf("not masked: %s", got)
		}
		return nil
	}, nil)
	a := h.enqueue(q, "shop", "main")
	h.during(q, func() { h.log(a.ID) })
	if !slices.Equal(recorded, []platform.Step{"one"}) {
		t.Errorf("recorded %q", recorded)
	}
}
