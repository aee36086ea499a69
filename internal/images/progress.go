package images

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"sluice/internal/catalog"
)

// maxTail is how many lines of mmdebstrap's output an error carries.
const maxTail = 20

// progress turns what mmdebstrap says into lines for people and keeps its last lines.
type progress struct {
	log      io.Writer
	name     string
	started  time.Time
	packages string
	tail     []string
}

func newProgress(log io.Writer, img catalog.Image) *progress {
	p := &progress{log: log, name: img.Name, started: time.Now()}
	p.say("Assembling %s from Debian %s", img.Name, img.Debian.Suite)
	return p
}

func (p *progress) say(format string, args ...any) {
	_, _ = fmt.Fprintf(p.log, format+"\n", args...) // a log that fails is not a reason to stop
}

func (p *progress) elapsed() time.Duration { return time.Since(p.started).Round(time.Second) }

// read handles standard error until its end.
func (p *progress) read(stderr io.Reader) { lines(stderr, p.line) }

func (p *progress) line(text string) {
	if count, ok := strings.CutPrefix(text, countPrefix); ok {
		p.packages = count
		return
	}
	if len(p.tail) == maxTail {
		p.tail = append(p.tail[:0], p.tail[1:]...)
	}
	p.tail = append(p.tail, text)
	if step, ok := strings.CutPrefix(text, "I: "); ok && strings.HasSuffix(step, "...") && !strings.Contains(step, "/") {
		p.say("  %s: %s (%s)", p.name, strings.TrimSuffix(step, "..."), p.elapsed())
	}
}

func (p *progress) done(ref string) {
	p.say("Assembled %s: %s packages in %s, kept as %s", p.name, p.packages, p.elapsed(), ref)
}

// said reports whether words are in the last lines.
func (p *progress) said(words string) bool {
	return slices.ContainsFunc(p.tail, func(line string) bool { return strings.Contains(line, words) })
}
