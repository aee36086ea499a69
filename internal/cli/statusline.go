package cli

import (
	"fmt"
	"io"
	"strings"
	"time"

	"sluice/apiv1"
)

// statusLine is the one line of a terminal that is drawn again and again below a log. It is
// used by one goroutine.
type statusLine struct {
	w       io.Writer
	width   int
	id      string
	phase   string
	begun   time.Time // of the phase
	started time.Time // of the watch
	drawn   string
}

func newStatusLine(w io.Writer, width int, a apiv1.Activity, now time.Time) *statusLine {
	return &statusLine{w: w, width: width, id: a.ID, phase: a.Phase, begun: now, started: now}
}

const clearLine = "\r\x1b[2K"

// clear takes the status away, for what is printed after it.
func (s *statusLine) clear() {
	if s.drawn != "" {
		_, _ = io.WriteString(s.w, clearLine)
		s.drawn = ""
	}
}

// print writes whole lines where the status was.
func (s *statusLine) print(text string) {
	s.clear()
	_, _ = io.WriteString(s.w, text)
}

func (s *statusLine) update(a apiv1.Activity, now time.Time) {
	if a.Phase != s.phase {
		s.phase, s.begun = a.Phase, now
	}
}

// draw shows the status, if it says anything new.
func (s *statusLine) draw(now time.Time) {
	text := s.text(now)
	if text == s.drawn {
		return
	}
	_, _ = io.WriteString(s.w, clearLine+text)
	s.drawn = text
}

// text is cut to the terminal: a line that wraps cannot be taken away again.
func (s *statusLine) text(now time.Time) string {
	name := strings.ToUpper(firstOf(s.phase, apiv1.PhaseWait))
	text := fmt.Sprintf("%s %s | total %s | activity %s", name, clock(now.Sub(s.begun)), clock(now.Sub(s.started)), s.id)
	if s.width > 0 && len(text) >= s.width {
		text = text[:s.width-1]
	}
	return text
}
