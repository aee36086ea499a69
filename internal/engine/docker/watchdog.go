package docker

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"
)

// A watchdog is a process that thaws what this one froze when this one dies or hangs. It
// gets the time limit as an argument, the control files on its standard input, a line each,
// and watchdogDone when it is not needed any more.
type watchdog struct {
	cmd   *exec.Cmd
	input io.WriteCloser
}

const (
	watchdogDone  = "thawed"
	watchdogGrace = time.Second // after the time limit of the engine itself
)

// guardFreeze starts a watchdog; nil without a command for it.
func (e *Engine) guardFreeze(ctx context.Context, limit time.Duration, controls []string) (*watchdog, error) {
	if len(e.watchdog) == 0 || len(controls) == 0 {
		return nil, nil //nolint:nilnil // none
	}
	// It outlives the call that froze, and the process.
	cmd := exec.CommandContext(context.WithoutCancel(ctx), e.watchdog[0], slices.Concat(e.watchdog[1:], []string{(limit + watchdogGrace).String()})...) //nolint:gosec // the operator's own program
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	input, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, errors.Join(fmt.Errorf("start the watchdog: %w", err), input.Close())
	}
	w := &watchdog{cmd, input}
	if _, err := io.WriteString(input, strings.Join(controls, "\n")+"\n"); err != nil {
		w.dismiss()
		return nil, fmt.Errorf("tell the watchdog: %w", err)
	}
	return w, nil
}

// dismiss ends a watchdog; w may be nil.
func (w *watchdog) dismiss() {
	if w == nil {
		return
	}
	_, _ = io.WriteString(w.input, watchdogDone+"\n")
	_ = w.input.Close()
	go func() { _ = w.cmd.Wait() }() // it has nothing to say
}

// Watch is what the watchdog's process does: it thaws the control files that in names when
// in ends before it says that they are thawed, or when limit has passed.
func Watch(in io.Reader, limit string) error {
	left, err := time.ParseDuration(limit)
	if err != nil {
		return err
	}
	lines := make(chan string)
	go func() {
		defer close(lines)
		for s := bufio.NewScanner(in); s.Scan(); {
			lines <- s.Text()
		}
	}()
	up := time.After(left)
	var controls []string
	for {
		select {
		case line, ok := <-lines:
			switch {
			case !ok:
				return thawControls(controls)
			case line == watchdogDone:
				return nil
			}
			controls = append(controls, line)
		case <-up:
			return thawControls(controls)
		}
	}
}

// thawControls thaws by files of the kernel and by no others, services first.
func thawControls(controls []string) (err error) {
	for _, control := range slices.Backward(controls) {
		if name := filepath.Base(control); name != freezeV1 && name != freezeV2 {
			err = errors.Join(err, fmt.Errorf("%q does not freeze anything", control))
			continue
		}
		err = errors.Join(err, setFrozen(control, false))
	}
	return err
}
