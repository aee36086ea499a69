package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// process is a proxy under test.
type process struct {
	cmd  *exec.Cmd
	log  string // file with its output
	done chan struct{}
	err  error // how it ended; read after done
}

// start runs a program until ctx ends or stop is called. Its output goes to a file in dir.
func start(ctx context.Context, dir, name string, args []string, env ...string) (*process, error) {
	log, err := os.Create(filepath.Join(dir, filepath.Base(name)+".log")) //nolint:gosec // our own directory
	if err != nil {
		return nil, err
	}
	defer func() { _ = log.Close() }()
	cmd := exec.CommandContext(ctx, name, args...) //nolint:gosec // the operator names the programs
	cmd.Dir, cmd.Stdout, cmd.Stderr = dir, log, log
	cmd.Env = append(os.Environ(), env...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("start %s: %w", name, err)
	}
	p := &process{cmd: cmd, log: log.Name(), done: make(chan struct{})}
	go func() { p.err = cmd.Wait(); close(p.done) }()
	return p, nil
}

// stop ends the process and its children.
func (p *process) stop() {
	_ = syscall.Kill(-p.cmd.Process.Pid, syscall.SIGTERM)
	select {
	case <-p.done:
	case <-time.After(3 * time.Second):
	}
	_ = syscall.Kill(-p.cmd.Process.Pid, syscall.SIGKILL)
	<-p.done
}

// failed ends a process that did not come up and returns why.
func (p *process) failed(err error) error {
	p.stop()
	return err
}

var errNotReady = errors.New("it does not listen")

// ready waits until all addresses accept connections.
func (p *process) ready(ctx context.Context, addrs ...string) error {
	for _, addr := range addrs {
		for end := time.Now().Add(20 * time.Second); ; {
			c, err := (&net.Dialer{Timeout: time.Second}).DialContext(ctx, "tcp", addr)
			if err == nil {
				_ = c.Close()
				break
			}
			select {
			case <-p.done:
				return fmt.Errorf("%s ended: %w\n%s", p.cmd.Path, errors.Join(p.err, errNotReady), p.output())
			case <-ctx.Done():
				return context.Cause(ctx)
			case <-time.After(20 * time.Millisecond):
			}
			if time.Now().After(end) {
				return fmt.Errorf("%s: %w at %s\n%s", p.cmd.Path, errNotReady, addr, p.output())
			}
		}
	}
	return nil
}

func (p *process) output() string {
	b, err := os.ReadFile(p.log)
	if err != nil {
		return err.Error()
	}
	return string(b)
}

// cpu returns what the process and its children have used of processors so far.
func (p *process) cpu() time.Duration {
	if p == nil {
		return 0
	}
	var total time.Duration
	for _, pid := range append(children(p.cmd.Process.Pid), p.cmd.Process.Pid) {
		total += cpuOf(pid)
	}
	return total
}

// children returns the processes whose parent is pid.
func children(pid int) []int {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/task/%d/children", pid, pid))
	if err != nil {
		return nil
	}
	var list []int
	for f := range strings.FieldsSeq(string(b)) {
		if n, err := strconv.Atoi(f); err == nil {
			list = append(list, n)
			list = append(list, children(n)...)
		}
	}
	return list
}

// cpuOf reads the scheduler's count, which is finer than the ticks of /proc/PID/stat.
func cpuOf(pid int) time.Duration {
	tasks, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/schedstat", pid))
	if err != nil {
		return 0
	}
	var total time.Duration
	for _, t := range tasks {
		b, err := os.ReadFile(t) //nolint:gosec // below /proc
		if err != nil {
			continue
		}
		run, _, _ := strings.Cut(string(b), " ")
		if n, err := strconv.ParseInt(run, 10, 64); err == nil {
			total += time.Duration(n)
		}
	}
	return total
}

// resident returns the process's memory in bytes.
func (p *process) resident() int64 {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/statm", p.cmd.Process.Pid))
	if err != nil {
		return 0
	}
	f := strings.Fields(string(b))
	if len(f) < 2 {
		return 0
	}
	pages, err := strconv.ParseInt(f[1], 10, 64)
	if err != nil {
		return 0
	}
	return pages * int64(os.Getpagesize())
}
