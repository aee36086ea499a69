package wizard

import (
	"context"
	"strings"
	"time"

	"sluice/internal/toolkit/kit"
	"sluice/internal/toolkit/tree"
	"sluice/internal/toolkit/validate"
)

// AskAll asks every wizard and says of the findings of the ideal state what each costs the
// visitors: as long as its steps took in the last deployment that the log knows, else as
// long as they take for a small shop. The status is the ideal state's.
func AskAll(ctx context.Context, k *kit.Kit) ([]Report, error) {
	var reports []Report
	for _, w := range Wizards() {
		r, err := w.ask(ctx, k)
		if err != nil {
			return nil, err
		}
		if w.Name == IdealState {
			if err := estimate(ctx, k, &r); err != nil {
				return nil, err
			}
		}
		reports = append(reports, r)
	}
	return reports, nil
}

// cost is what a finding adds to the hold.
type cost struct {
	steps   []string // of the deploy scenario
	seconds float64  // when the log has none of them
	of      string   // what the figure is of
}

const (
	hookMissing  = "post_deploy"
	minification = "HTML minification"
)

// costOf maps a finding of the ideal state to its cost; ok is false for one that costs no
// time that anybody measured.
func costOf(text string) (cost, bool) {
	switch {
	case strings.Contains(text, hookMissing):
		return cost{[]string{"deploy-complete"}, 0.65, "cache:flush of a shop without data"}, true
	case strings.Contains(text, minification):
		return cost{}, false
	}
	return cost{[]string{"deploy-static-content", "compress-static-content"}, 9.6, "one locale of Luma and the admin, two processors"}, true
}

// estimate fills in what the findings cost.
func estimate(ctx context.Context, k *kit.Kit, r *Report) error {
	log, err := k.Tree.ReadOrNothing(tree.CloudLog)
	if err != nil {
		return err
	}
	took := stepTimes(string(log))
	why, err := validate.ScdOnDeploy(ctx, k)
	if err != nil {
		return err
	}
	for i := range r.Items {
		item := &r.Items[i]
		c, ok := costOf(item.Text)
		if !ok || why != nil && c.steps[0] == "deploy-static-content" {
			continue // static content is made neither in the build nor under the hold
		}
		item.Hold = c.estimate(took)
	}
	return nil
}

func (c cost) estimate(took map[string]time.Duration) *Estimate {
	var sum time.Duration
	known := false
	for _, step := range c.steps {
		d, ok := took[step]
		known = known || ok
		sum += d
	}
	if known {
		return &Estimate{Seconds: sum.Seconds(), Source: strings.Join(c.steps, ", ") + " in the last deployment"}
	}
	return &Estimate{Seconds: c.seconds, Source: "measured for " + c.of}
}

// stepTimes returns how long each step took when it last ran to its end, by the debug lines
// of cloud.log.
func stepTimes(log string) map[string]time.Duration {
	began := map[string]time.Time{}
	took := map[string]time.Duration{}
	for line := range strings.Lines(log) {
		at, text, ok := readLine(line)
		if !ok {
			continue
		}
		if name, ok := strings.CutPrefix(text, "DEBUG: Running step: "); ok {
			began[name] = at
			continue
		}
		name, ok := strings.CutPrefix(text, `DEBUG: Step "`)
		name, end := strings.CutSuffix(name, `" finished`)
		if start, known := began[name]; ok && end && known {
			took[name] = at.Sub(start)
		}
	}
	return took
}

// readLine splits "[time] text".
func readLine(line string) (at time.Time, text string, ok bool) {
	stamp, text, ok := strings.Cut(strings.TrimRight(line, "\n"), "] ")
	if !ok || !strings.HasPrefix(stamp, "[") {
		return time.Time{}, "", false
	}
	at, err := time.Parse(time.RFC3339Nano, stamp[1:])
	return at, text, err == nil
}
