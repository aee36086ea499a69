package deploy

import (
	"strings"
	"sync"
	"time"

	"sluice/internal/contract"
	"sluice/internal/engine"
	"sluice/internal/topology"
	"sluice/internal/work"
)

// worthTelling is how long a step of a scenario takes before its time is in the log.
const worthTelling = time.Second

// progressWatch takes the toolkit's progress lines out of a hook's output, and reports how
// long the steps took that they name.
type progressWatch struct {
	on    heard
	log   *work.Logbook
	level int

	mu      sync.Mutex
	touched bool
	step    string // that runs; "" for none
	since   time.Time
}

// heard is what is done about progress lines; a function may be nil.
type heard struct {
	touching func()              // called once, when the hook says that it is about to write to data
	data     func(digest string) // called when it says what its data looks like
}

// watched returns a writer to the log without progress lines. done reports the time of the
// last step and writes out a last line without its newline.
func watched(log *work.Logbook, level int, on heard) (out *work.Lines, done func()) {
	w := &progressWatch{on: on, log: log, level: level}
	out = log.Filter(level, w.keep)
	return out, func() {
		_ = out.Close() // never fails
		w.mu.Lock()
		defer w.mu.Unlock()
		w.next("")
	}
}

// keep reports whether the line belongs in the log. Builders indent what they pass on.
func (w *progressWatch) keep(line string) bool {
	p, ok := contract.ParseProgress(strings.TrimLeft(line, " "))
	if !ok {
		return true
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	switch p.Verb {
	case contract.Step:
		w.next(p.Text)
	case contract.Hello:
		w.next("") // another program: the last one's step has ended
	case contract.Touch:
		if !w.touched && w.on.touching != nil {
			w.touched = true
			w.on.touching()
		}
	case contract.Data:
		if w.on.data != nil {
			w.on.data(p.Text)
		}
	}
	return false
}

// next ends the step that runs and begins another.
func (w *progressWatch) next(step string) {
	if d := time.Since(w.since); w.step != "" && d >= worthTelling {
		w.log.Line(w.level, "(%s took %s)", w.step, work.Took(d))
	}
	w.step, w.since = step, time.Now()
}

func hasDeployHook(app engine.App) bool {
	_, ok := topology.DeployHookOf(app)
	return ok
}

// tellsTouch reports whether an application's deploy hook is only the toolkit, which says
// itself when it first writes to data.
func tellsTouch(app engine.App) bool {
	script, ok := topology.DeployHookOf(app)
	return ok && contract.TellsTouch(script)
}
