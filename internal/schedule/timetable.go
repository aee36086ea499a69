package schedule

import (
	"fmt"
	"hash/fnv"
	"strconv"
	"strings"
	"time"

	"github.com/robfig/cron/v3"

	"sluice/internal/platform"
)

// timetable says which job of an application is due next.
type timetable struct {
	entries []*entry
	loc     *time.Location
}

type entry struct {
	job   platform.CronJob
	when  cron.Schedule
	after time.Time // the run that was given out last; the zero time before the first
}

// newTimetable parses the jobs' specs; those that do not parse are left out and reported.
func newTimetable(plan platform.CronPlan, jobs []platform.CronJob) (*timetable, []error) {
	t := &timetable{loc: time.UTC}
	var problems []error
	if plan.Timezone != "" {
		loc, err := time.LoadLocation(plan.Timezone)
		if err != nil {
			problems = append(problems, fmt.Errorf("timezone %q: %w; UTC is used", plan.Timezone, err))
		} else {
			t.loc = loc
		}
	}
	for _, j := range jobs {
		when, err := cron.ParseStandard(spread(j.Spec, plan.Project+"/"+j.Name))
		if err != nil {
			problems = append(problems, fmt.Errorf("cron %q: spec %q: %w", j.Name, j.Spec, err))
			continue
		}
		t.entries = append(t.entries, &entry{job: j, when: when})
	}
	return t, problems
}

// next returns the job that is due first, and when: at or before now for one that became
// due while another ran. Runs that were missed in between are merged into one. ok is
// false when no job can ever be due.
func (t *timetable) next(now time.Time) (job platform.CronJob, at time.Time, ok bool) {
	var first *entry
	for _, e := range t.entries {
		if e.after.IsZero() {
			e.after = now
		}
		due := e.when.Next(e.after.In(t.loc))
		if due.IsZero() {
			continue
		}
		if first == nil || due.Before(at) {
			first, at = e, due
		}
	}
	if first == nil {
		return platform.CronJob{}, time.Time{}, false
	}
	first.after = later(at, now)
	return first.job, at, true
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// spread replaces H in a spec by a value that depends on the project and the cron only,
// so that crons of many projects do not all start at once.
func spread(spec, seed string) string {
	fields := strings.Fields(spec)
	limits := []uint32{60, 24, 28, 12, 7}
	lowest := []uint32{0, 0, 1, 1, 0}
	for i, f := range fields {
		if i >= len(limits) || !strings.HasPrefix(f, "H") {
			continue
		}
		h := fnv.New32a()
		_, _ = fmt.Fprintf(h, "%s/%d", seed, i) // a hash never fails
		rest := strings.TrimPrefix(f, "H")
		step, every := strings.CutPrefix(rest, "/")
		n, err := strconv.ParseUint(step, 10, 32)
		switch {
		case every && err == nil && n > 0:
			fields[i] = fmt.Sprintf("%d-%d/%d", h.Sum32()%uint32(n)+lowest[i], limits[i]+lowest[i]-1, n)
		case rest == "":
			fields[i] = strconv.FormatUint(uint64(h.Sum32()%limits[i]+lowest[i]), 10)
		}
	}
	return strings.Join(fields, " ")
}
