package e2e

import (
	"cmp"
	"fmt"
	"io"
	"os"
	"runtime"
	"slices"
	"strings"
	"text/tabwriter"

	"sluice/internal/plan"
	"sluice/internal/platform"
)

// The goals, in seconds.
const (
	goalHoldRest = 0.3
	goalOverhead = 5
)

// machineFacts says what was measured on, and how busy it was before.
func machineFacts(m *machine) string {
	m.t.Helper()
	var engine struct{ Version, KernelVersion string }
	m.engine("/version", &engine)
	return fmt.Sprintf("%d cores (%s), %s of memory; Linux %s, engine %s; load before: %s",
		runtime.NumCPU(), field("/proc/cpuinfo", "model name"), field("/proc/meminfo", "MemTotal"),
		engine.KernelVersion, engine.Version, load())
}

// field reads a "name : value" line of a file below /proc.
func field(file, name string) string {
	b, _ := os.ReadFile(file)
	for line := range strings.Lines(string(b)) {
		if key, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(key) == name {
			return strings.TrimSpace(value)
		}
	}
	return "unknown"
}

func load() string {
	b, _ := os.ReadFile("/proc/loadavg")
	return strings.Join(strings.Fields(string(b))[:min(3, len(strings.Fields(string(b))))], " ")
}

// values returns what the samples say of a part; samples without it are left out.
func values(samples []timing, part string) []float64 {
	var out []float64
	for _, s := range samples {
		if v, ok := s[part]; ok {
			out = append(out, v)
		}
	}
	slices.Sort(out)
	return out
}

// median returns the middle value of a part; ok is false when no sample has it.
func median(samples []timing, part string) (v float64, ok bool) {
	all := values(samples, part)
	n := len(all)
	if n == 0 {
		return 0, false
	}
	return (all[(n-1)/2] + all[n/2]) / 2, true
}

func cell(samples []timing, part string) string {
	v, ok := median(samples, part)
	if !ok {
		return "-"
	}
	return fmt.Sprintf("%.2f", v)
}

// print writes all figures.
func (b *bench) print(w io.Writer, rounds int, facts string) {
	say := func(format string, args ...any) { _, _ = fmt.Fprintf(w, format+"\n", args...) }
	say("\nMachine: %s, after: %s", facts, load())
	say("\nDeployments of examples/storefront: medians of %d runs, in seconds", rounds)
	b.printCases(w)
	say("first push: one run. hooks: build and deploy hooks by themselves. overhead: push-to-live without the hooks.")
	say("A visitor looked on in all rounds: %d answers, %d failed requests.", b.answers, b.failed)
	say("")
	for _, name := range []string{unchangedCase, changedCase, redeployCase} {
		b.judge(w, name, "hold time minus hook time", partHoldRest, goalHoldRest)
	}
	for _, name := range []string{unchangedCase, changedCase, redeployCase} {
		b.judge(w, name, "push-to-live overhead over the hooks", partOverhead, goalOverhead)
	}
	say("\nWhere the time goes: %s (medians, in seconds; a median of each row, so they need not add up)", changedCase)
	b.printSteps(w)
	say("")
	b.printPeer(w)
}

func (b *bench) printCases(w io.Writer) {
	columns := []string{partWall, partLive, partBuild, partDeploy, partPost, partHooks, partHold, partHoldRest, partOverhead}
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	_, _ = fmt.Fprintf(table, "\t%s\tlive min-max\t\n", strings.Join(columns, "\t"))
	for _, name := range []string{firstCase, unchangedCase, changedCase, redeployCase} {
		samples := b.samples[name]
		_, _ = fmt.Fprintf(table, "%s\t", name)
		for _, part := range columns {
			_, _ = fmt.Fprintf(table, "%s\t", cell(samples, part))
		}
		if all := values(samples, partLive); len(all) > 0 {
			_, _ = fmt.Fprintf(table, "%.2f-%.2f", all[0], all[len(all)-1])
		}
		_, _ = fmt.Fprint(table, "\t\n")
	}
	_ = table.Flush()
}

// judge compares a median with its goal. Nothing depends on the answer.
func (b *bench) judge(w io.Writer, name, what, part string, goal float64) {
	v, ok := median(b.samples[name], part)
	if !ok {
		return
	}
	verdict := "met"
	if v > goal {
		verdict = "NOT met"
	}
	_, _ = fmt.Fprintf(w, "goal %-7s  %s, %s: %.3f s (goal: at most %.1f s)\n", verdict, what, name, v, goal)
}

// printSteps breaks a push with one changed file down.
func (b *bench) printSteps(w io.Writer) {
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	row := func(part, note string) {
		if v, ok := median(b.samples[changedCase], part); ok {
			_, _ = fmt.Fprintf(table, "  %s\t%.3f\t%s\n", strings.TrimPrefix(part, stepPart("")), v, note)
		}
	}
	row(partReceive, "")
	row(partQueue, "")
	row(partBuildBefore, "")
	row(partBuildHook, "a hook")
	row(partBuildAfter, "")
	for _, step := range plan.Table() {
		s := step.Name
		switch {
		case s == platform.StepBuild: // above, in parts
		case s == platform.StepDeployHook:
			row(stepPart(string(s)), "a hook; visitors wait")
		case step.Phase == platform.PhaseDeploy && step.Reach >= platform.Held && s != platform.StepRetire:
			row(stepPart(string(s)), "visitors wait")
		default:
			row(stepPart(string(s)), "")
		}
	}
	row(partEnd, "")
	_ = table.Flush()
}

// printPeer compares with the same change made live by hand.
func (b *bench) printPeer(w io.Writer) {
	samples := b.samples[peerCase]
	if len(samples) == 0 {
		_, _ = fmt.Fprintln(w, "The comparison with docker build + compose up was skipped: docker with BuildKit or compose is missing.")
		return
	}
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	_, _ = fmt.Fprintf(table, "one changed PHP file\t%s\t%s\t%s\t%s\t%s\t\n", partPeerBuild, partPeerUp, partPeerHook, partLive, partPeerFails)
	_, _ = fmt.Fprintf(table, "%s\t", peerCase)
	for _, part := range []string{partPeerBuild, partPeerUp, partPeerHook, partLive} {
		_, _ = fmt.Fprintf(table, "%s\t", cell(samples, part))
	}
	fails, _ := median(samples, partPeerFails)
	ours, _ := median(b.samples[changedCase], partLive)
	theirs, _ := median(samples, partLive)
	_, _ = fmt.Fprintf(table, "%.0f\t\n", fails)
	_, _ = fmt.Fprintf(table, "Sluice\t\t\t\t%.2f\t%d\t\n", ours, b.failed)
	_ = table.Flush()
	_, _ = fmt.Fprintf(w, "ratio, push-to-live: Sluice / by hand = %.2f\n", ours/cmp.Or(theirs, 1))
}
