package static

import (
	"slices"
	"strconv"
	"strings"
)

// Options are what applies to all content of one run.
type Options struct {
	Strategy         string // "" lets Magento choose
	Verbose          string // "", "-v", "-vv" or "-vvv"
	Jobs             int    // processes; 0 leaves the choice to Magento
	MaxExecutionTime *int   // seconds
	SkipMinification bool   // of HTML
	NoParent         bool   // themes without those they are derived from
	Version          Versions
}

// Versions is what the version of Magento allows; a composer.Version is one.
type Versions interface {
	Satisfies(constraint string) bool
}

// Pass is one command: all themes but some, or one theme, each in some locales.
type Pass struct {
	Exclude []string // themes; only when Theme is empty
	Theme   string
	Locales []string
}

// Plan is everything that is made in one run, pass after pass.
type Plan struct {
	Options Options
	Passes  []Pass
}

// Themed is one theme of the matrix with its locales; without any it is left out.
type Themed struct {
	Theme   string
	Locales []string
}

// NewPlan makes the passes: first all themes that the matrix does not name, in all
// locales; then each of the matrix that has locales of its own.
func NewPlan(o Options, locales []string, matrix []Themed) Plan {
	first := Pass{Locales: locales}
	p := Plan{Options: o}
	for _, t := range matrix {
		first.Exclude = append(first.Exclude, t.Theme)
	}
	p.Passes = append(p.Passes, first)
	for _, t := range matrix {
		if len(t.Locales) > 0 {
			p.Passes = append(p.Passes, Pass{Theme: t.Theme, Locales: t.Locales})
		}
	}
	return p
}

// Args are the arguments of setup:static-content:deploy for a pass, in the order of the
// specification, which users and tests match on.
func (p Plan) Args(pass Pass) []string {
	o := p.Options
	since22 := o.Version.Satisfies(">=2.2")
	var args []string
	add := func(when bool, more ...string) {
		if when {
			args = append(args, more...)
		}
	}
	add(since22, "-f")
	add(since22 && o.Strategy != "", "-s", o.Strategy)
	add(o.Verbose != "", o.Verbose)
	add(o.Jobs > 0, "--jobs", strconv.Itoa(o.Jobs))
	add(since22 && o.SkipMinification, "--no-html-minify")
	if since22 && o.MaxExecutionTime != nil {
		add(true, "--max-execution-time", strconv.Itoa(*o.MaxExecutionTime))
	}
	add(o.NoParent && o.Version.Satisfies(">=2.4.2") && (o.Strategy == "" || o.Strategy == "quick"), "--no-parent")
	for _, theme := range pass.Exclude {
		add(true, "--exclude-theme", theme)
	}
	add(pass.Theme != "", "--theme", pass.Theme)
	return append(args, pass.Locales...)
}

// Jobs returns the number of processes of a run. threads is
// SCD_THREADS: -1 follows the processors, up to four. forced is set when the strategy
// does not allow the number that was asked for.
func Jobs(threads int, strategy string, processors int, v Versions) (jobs int, forced bool) {
	if strategy == "compact" && v.Satisfies("<2.2.4") {
		return 1, threads != 1 && threads != -1
	}
	if threads != -1 {
		return max(threads, 0), false
	}
	if !v.Satisfies(">2.1.10") {
		return 1, false
	}
	return min(max(processors, 1), maxJobs), false
}

const maxJobs = 4

// Unique returns the values without the empty and those that came before.
func Unique(values ...string) []string {
	var out []string
	for _, v := range values {
		if v = strings.TrimSpace(v); v != "" && !slices.Contains(out, v) {
			out = append(out, v)
		}
	}
	return out
}
