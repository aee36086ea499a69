package rehearsal

import (
	"cmp"
	"fmt"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"sluice/internal/platform"
)

// Report is what a rehearsal found. The times are in seconds.
type Report struct {
	Activity     string    `json:"activity"`
	Project      string    `json:"project"`
	Environment  string    `json:"environment"` // for which it was rehearsed: production
	From         string    `json:"from"`        // whose code it is
	Commit       string    `json:"commit"`
	Base         Base      `json:"base"`
	At           time.Time `json:"at"`
	Took         float64   `json:"took"`
	PersonalData string    `json:"personal_data"` // "sanitized" or "kept"
	Passed       bool      `json:"passed"`
	// Problems are why it did not pass, and what a person should look at first.
	Problems []string `json:"problems"`
	// Failure is why the deployment failed, and Met what visitors of production would have met
	// then; both are empty when it succeeded.
	Failure string  `json:"failure,omitempty"`
	Met     string  `json:"met,omitempty"`
	Hold    Hold    `json:"hold"`
	Steps   []Step  `json:"steps"`
	Data    Data    `json:"data"`
	Schema  []Table `json:"schema"`
	Config  []Key   `json:"config"`
	Pages   []Page  `json:"pages"`
	Checks  []Check `json:"checks"`
	Logs    []Line  `json:"logs"`
	// Notes are what could not be looked at, and why.
	Notes []string `json:"notes"`
}

// Base is what production served when the rehearsal began.
type Base struct {
	Release string `json:"release"`
	Commit  string `json:"commit"`
}

// Hold is how long requests were held.
type Hold struct {
	Held    bool    `json:"held"` // false: the deployment did not come to it
	Seconds float64 `json:"seconds"`
	Limit   float64 `json:"limit"` // after which visitors get the maintenance page
}

// Step is how long one step of the deployment took.
type Step struct {
	Name    string  `json:"name"`
	Phase   string  `json:"phase"`
	Seconds float64 `json:"seconds"`
}

// Data is the state of the data, as releases record it.
type Data struct {
	Before  string `json:"before"`
	After   string `json:"after"`
	Changed bool   `json:"changed"` // a rollback of the deployment would not be at once
}

// Check is one that the project names.
type Check struct {
	App     string  `json:"app"`
	Name    string  `json:"name"`
	Status  int     `json:"status"` // exit status
	Error   string  `json:"error,omitempty"`
	Seconds float64 `json:"seconds"`
	Output  string  `json:"output,omitempty"` // its last lines, when it failed
}

func (c Check) passed() bool { return c.Status == 0 && c.Error == "" }

// Summary is a report in short.
type Summary struct {
	Activity string    `json:"activity"`
	At       time.Time `json:"at"`
	Passed   bool      `json:"passed"`
	Hold     Hold      `json:"hold"`
	Problems int       `json:"problems"`
}

// Summary returns the report in short.
func (r *Report) Summary() Summary {
	return Summary{Activity: r.Activity, At: r.At, Passed: r.Passed, Hold: r.Hold, Problems: len(r.Problems)}
}

// String says it for people.
func (s Summary) String() string {
	text := "rehearsed at " + s.At.UTC().Format("2006-01-02 15:04 MST") + ": "
	if s.Passed {
		text += "passed"
	} else {
		text += "failed with " + count(s.Problems, "problem")
	}
	if s.Hold.Held {
		text += ", hold " + took(s.Hold.Seconds)
	}
	return text + " (activity " + s.Activity + ")"
}

// Conclude judges what was found: it sets Problems and Passed.
func (r *Report) Conclude() {
	r.Problems = []string{}
	add := func(format string, args ...any) { r.Problems = append(r.Problems, fmt.Sprintf(format, args...)) }
	if r.Failure != "" {
		first, _, _ := strings.Cut(r.Failure, "\n")
		add("the deployment failed: %s", first)
	}
	if r.Hold.Held && r.Hold.Limit > 0 && r.Hold.Seconds > r.Hold.Limit {
		add("requests were held for %s, longer than the limit of %s: visitors would have got the maintenance page", took(r.Hold.Seconds), took(r.Hold.Limit))
	}
	for _, c := range r.Checks {
		switch {
		case c.Error != "":
			add("the check %s could not be run: %s", c.Name, c.Error)
		case c.Status != 0:
			add("the check %s failed with exit status %d", c.Name, c.Status)
		}
	}
	for _, p := range r.Pages {
		if p.breaks() {
			add("the page %s responds with %s, before with %s", p.Path, p.After.outcome(), p.Before.outcome())
		}
	}
	for _, l := range r.Logs {
		if l.Severe {
			add("%s has a new error, %s: %s", l.Log, times(l.Count), l.Text)
		}
	}
	r.Passed = len(r.Problems) == 0
}

// Mask takes secrets out of what others wrote.
func (r *Report) Mask(mask func(string) string) {
	for i := range r.Checks {
		r.Checks[i].Output, r.Checks[i].Error = mask(r.Checks[i].Output), mask(r.Checks[i].Error)
	}
	for i := range r.Logs {
		r.Logs[i].Text = mask(r.Logs[i].Text)
	}
	for i := range r.Pages {
		for _, p := range []*Response{&r.Pages[i].Before, &r.Pages[i].After} {
			p.Location, p.Error = mask(p.Location), mask(p.Error)
		}
	}
	for i := range r.Notes {
		r.Notes[i] = mask(r.Notes[i])
	}
	r.Failure = mask(r.Failure)
}

// Times makes steps of what an activity recorded.
func Times(timings []platform.StepTiming) []Step {
	out := []Step{}
	for _, t := range timings {
		out = append(out, Step{Name: string(t.Step), Phase: string(t.Phase), Seconds: t.Duration.Seconds()})
	}
	return out
}

// maxText is how many bytes of somebody's line a report keeps.
const maxText = 300

// Printable makes a line of foreign text printable, and short enough to be read.
func Printable(text string) string {
	text = strings.ToValidUTF8(text, "\uFFFD")
	text = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || !unicode.IsPrint(r) {
			return ' '
		}
		return r
	}, text)
	text = strings.TrimSpace(text)
	if len(text) <= maxText {
		return text
	}
	cut := maxText
	for !utf8.RuneStart(text[cut]) {
		cut--
	}
	return text[:cut] + "…"
}

// Tail returns the last lines of an output, printable.
func Tail(output string, lines int) string {
	all := strings.Split(strings.TrimRight(output, "\n"), "\n")
	all = all[max(0, len(all)-lines):]
	for i := range all {
		all[i] = Printable(all[i])
	}
	return strings.Join(all, "\n")
}

func count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

func times(n int) string {
	if n == 1 {
		return "once"
	}
	return fmt.Sprintf("%d times", n)
}

// took writes seconds for people.
func took(s float64) string {
	if s < 60 {
		return fmt.Sprintf("%.1f s", s)
	}
	return fmt.Sprintf("%d m %02d s", int(s)/60, int(s)%60)
}

func short(commit string) string { return cmp.Or(commit[:min(len(commit), 10)], "-") }
