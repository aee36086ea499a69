package buildkit

import (
	"bytes"
	"fmt"
	"io"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/moby/buildkit/client"

	"sluice/internal/build"
)

const (
	tailLines    = 20       // of output that a failure quotes
	maxLine      = 16 << 10 // bytes; a longer line is broken
	maxHeld      = 4096     // lines held back for the other stream to reach the same mark
	stepNone     = -1       // no step has begun
	stderrMark   = "W: "
	outputIndent = "  " // output stands below the title of its step
)

// progress turns BuildKit's stream of events into the lines of a build's log, and
// remembers what the outcome of the build must say.
//
// Standard output and standard error come by two pipes. run.sh writes its marks to both;
// a mark counts when both streams have reached it, so no line of one step is shown below
// the title of another.
type progress struct {
	log   io.Writer
	mark  string
	steps []build.Step
	// confine is called, at most once, when the build's process waits for its limits.
	confine func()

	mu      sync.Mutex
	streams [2]stream
	handled int // number of the last mark that took effect
	step    int // index of the step that runs or ran last
	began   time.Time
	ended   bool // the step has ended
	code    int  // of the step that ended last
	stuck   string
	done    bool // run.sh reached its end
	tail    []string
	err     error // of writing the log
}

// stream is one of the two outputs of the build's container.
type stream struct {
	partial []byte
	queue   []string // complete lines not yet written
}

func newProgress(log io.Writer, mark string, steps []build.Step) *progress {
	return &progress{log: log, mark: mark, steps: steps, step: stepNone}
}

// update takes one status of the solve.
func (p *progress) update(s *client.SolveStatus) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, l := range s.Logs {
		if l.Stream == 2 {
			p.streams[1].add(l.Data)
		} else {
			p.streams[0].add(l.Data)
		}
		p.drain(false)
	}
	for _, v := range s.Vertexes {
		if v.Name == vertexBuild && v.Cached && v.Completed != nil {
			p.write("All steps are cached.")
		}
	}
}

// note adds a line that is not the application's.
func (p *progress) note(line string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.write(line)
}

// close writes what is left when the solve is over.
func (p *progress) close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for i := range p.streams {
		p.streams[i].flush()
	}
	p.drain(true)
}

func (s *stream) add(data []byte) {
	s.partial = append(s.partial, data...)
	for {
		end := bytes.IndexByte(s.partial, '\n')
		skip := 1
		if end < 0 && len(s.partial) > maxLine {
			end, skip = maxLine, 0
		}
		if end < 0 {
			return
		}
		s.queue = append(s.queue, cleanLine(s.partial[:end]))
		s.partial = s.partial[end+skip:]
	}
}

func (s *stream) flush() {
	if len(s.partial) > 0 {
		s.queue = append(s.queue, cleanLine(s.partial))
		s.partial = nil
	}
}

// cleanLine keeps what a terminal would show in the end of a line that was overwritten.
func cleanLine(line []byte) string {
	line = bytes.TrimRight(line, "\r")
	if i := bytes.LastIndexByte(line, '\r'); i >= 0 {
		line = line[i+1:]
	}
	return strings.ToValidUTF8(string(line), "\uFFFD")
}

// drain writes lines up to a mark on each stream, and goes past a mark that both have
// reached. With force it does not wait for the other stream: at the end, or when BuildKit
// has cut the other one short.
func (p *progress) drain(force bool) {
	for {
		for i := range p.streams {
			p.writeUpToMark(i)
		}
		a, b := p.streams[0].queue, p.streams[1].queue
		switch {
		case len(a) > 0 && len(b) > 0:
			// Marks come in order. The lower one is lost to the other stream, if not equal.
			p.handleFirst(p.lower(a[0], b[0]))
		case len(a) > 0 && (force || len(a) > maxHeld):
			p.handleFirst(0)
		case len(b) > 0 && (force || len(b) > maxHeld):
			p.handleFirst(1)
		default:
			return
		}
	}
}

// writeUpToMark writes the stream's lines before its next mark. A mark in the middle of a
// line follows output that did not end with a newline.
func (p *progress) writeUpToMark(i int) {
	s := &p.streams[i]
	for len(s.queue) > 0 {
		before, mark, marked := strings.Cut(s.queue[0], p.mark)
		if marked {
			if before != "" {
				p.output(i, before)
			}
			s.queue[0] = p.mark + mark
			if p.number(mark) > p.handled {
				return
			}
		} else {
			p.output(i, s.queue[0])
		}
		s.queue = s.queue[1:]
	}
}

// lower says on which stream the mark with the lower number is.
func (p *progress) lower(a, b string) int {
	if p.number(b) < p.number(a) {
		return 1
	}
	return 0
}

// number returns the number of a mark: the first word after the secret one.
func (p *progress) number(mark string) int {
	word, _, _ := strings.Cut(strings.TrimSpace(strings.TrimPrefix(mark, p.mark)), " ")
	n, _ := strconv.Atoi(word)
	return n
}

// handleFirst lets the mark at the head of a stream's queue take effect: "<mark> <number>
// <verb> <arguments>". Its copy on the other stream is passed over from then on.
func (p *progress) handleFirst(i int) {
	s := &p.streams[i]
	line := s.queue[0]
	s.queue = s.queue[1:]
	p.handled = p.number(line)
	fields := strings.SplitN(strings.TrimSpace(strings.TrimPrefix(line, p.mark)), " ", 3)
	if len(fields) < 2 {
		return
	}
	argument := ""
	if len(fields) == 3 {
		argument = fields[2]
	}
	p.apply(fields[1], argument)
}

func (p *progress) apply(verb, argument string) {
	switch verb {
	case "begin":
		n, err := strconv.Atoi(argument)
		if err != nil || n < 0 || n >= len(p.steps) {
			return
		}
		p.step, p.ended, p.began, p.tail = n, false, time.Now(), nil
		p.write(p.steps[n].Title)
	case "end":
		_, code, _ := strings.Cut(argument, " ")
		p.ended = true
		p.code, _ = strconv.Atoi(code)
		if p.code == 0 {
			p.write(fmt.Sprintf("%s(took %s)", outputIndent, took(time.Since(p.began))))
		}
	case "confine":
		if p.confine != nil && p.step == stepNone {
			p.confine()
		}
	case "stuck":
		p.stuck = argument
	case "done":
		p.done = true
	}
}

// output writes one line that the application printed.
func (p *progress) output(stream int, line string) {
	if stream == 1 {
		line = stderrMark + line
	}
	p.tail = append(p.tail, line)
	if len(p.tail) > tailLines {
		p.tail = p.tail[1:]
	}
	p.write(outputIndent + line)
}

func (p *progress) write(line string) {
	if _, err := io.WriteString(p.log, line+"\n"); err != nil && p.err == nil {
		p.err = err
	}
}

// took gives a duration as people say it.
func took(d time.Duration) string {
	if d < time.Minute {
		return fmt.Sprintf("%.1fs", d.Seconds())
	}
	return d.Round(time.Second).String()
}
