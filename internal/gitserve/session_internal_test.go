package gitserve

import (
	"errors"
	"io"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// TestAClientThatStallsIsDisconnected: reads and writes of a session have no deadlines.
func TestAClientThatStallsIsDisconnected(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		aborted := make(chan struct{})
		d := newWatchdog(func() { close(aborted) })
		for range 3 {
			time.Sleep(idleLimit - time.Second)
			d.touch()
		}
		select {
		case <-aborted:
			t.Error("a client that sent something now and then was disconnected")
		default:
		}
		time.Sleep(idleLimit + time.Second)
		<-aborted

		stopped := newWatchdog(func() { t.Error("it barks after its end") })
		stopped.stop()
		stopped.touch() // of a Read that returns late
		time.Sleep(2 * idleLimit)
	})
}

// pipeEnd is git's input in a test.
type pipeEnd struct {
	strings.Builder
	closed bool
}

func (p *pipeEnd) Close() error {
	p.closed = true
	return nil
}

// TestInputIsBounded: what a client sends to git ends at the limit of its size and time.
func TestInputIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newWatchdog(func() {})
		defer d.stop()
		var git pipeEnd
		feedSession(&git, strings.NewReader("0123456789"), d, 4)
		if git.String() != "0123" || !git.closed {
			t.Errorf("git got %q, its input is closed: %v", git.String(), git.closed)
		}
		drops := 0
		feedSession(&git, readerFunc(func(p []byte) (int, error) {
			time.Sleep(time.Minute)
			drops++
			return copy(p, "."), nil
		}), d, 1<<20)
		if most := int(totalLimit / time.Minute); drops > most {
			t.Errorf("a client that sends a byte a minute was read for %d minutes, more than %d", drops, most)
		}
	})
}

type failing struct{}

func (failing) Write([]byte) (int, error) { return 0, errors.New("gone") }

// TestGitDoesNotDieOfItsClient: output to a client that left is swallowed, and that is told once.
func TestGitDoesNotDieOfItsClient(t *testing.T) {
	d := newWatchdog(func() {})
	defer d.stop()
	told := 0
	out := &sessionOut{w: failing{}, idle: d, gone: func(err error) {
		told++
		if !errors.Is(err, errClientLeft) {
			t.Errorf("got %v", err)
		}
	}}
	for range 3 {
		if n, err := io.WriteString(out, "text"); n != 4 || err != nil {
			t.Errorf("got %d, %v", n, err)
		}
	}
	if told != 1 {
		t.Errorf("told %d times", told)
	}
}
