package enginetest

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"slices"
	"strconv"
	"strings"

	"sluice/internal/engine"
)

// execution is one scripted command in a fake container.
type execution struct {
	world *world
	c     *fakeContainer
	req   engine.ExecRequest
}

// exec runs a command; those that last end with ctx.
func (w *world) exec(ctx context.Context, c *fakeContainer, req engine.ExecRequest) (int, error) {
	x := execution{world: w, c: c, req: req}
	if len(req.Command) == 2 && (req.Command[0] == "idle" || req.Command[0] == "stubborn") {
		x.mark(req.Command[1], 1)
		defer x.mark(req.Command[1], -1)
		for {
			select {
			case <-ctx.Done():
				return -1, context.Cause(ctx)
			case signal := <-req.Signals:
				if signal == "TERM" && req.Command[0] == "idle" {
					return 128 + 15, nil
				}
			}
		}
	}
	if len(req.Command) == 2 && req.Command[0] == "await-size" {
		return awaitSize(ctx, req)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	return x.locked(), nil
}

// awaitSize ends when the terminal has the size that the command names.
func awaitSize(ctx context.Context, req engine.ExecRequest) (int, error) {
	for {
		select {
		case size := <-req.Sizes:
			if fmt.Sprintf("%dx%d", size.Columns, size.Rows) == req.Command[1] {
				return 0, nil
			}
		case <-ctx.Done():
			return -1, context.Cause(ctx)
		}
	}
}

func (x execution) mark(name string, by int) {
	x.world.mu.Lock()
	defer x.world.mu.Unlock()
	x.c.marks[name] += by
}

// locked runs a command that does not last, under the world's lock, and returns its exit
// status.
func (x execution) locked() int {
	verb, args := "", make([]string, 3)
	if len(x.req.Command) > 0 {
		verb = x.req.Command[0]
		copy(args, x.req.Command[1:])
	}
	switch verb {
	case "print":
		x.out(args[0])
		x.err(args[1])
		code, _ := strconv.Atoi(args[2])
		return code
	case "copy":
		x.out(x.stdin())
	case "write":
		return x.report(x.c.write(args[0], args[1]))
	case "store":
		return x.report(x.c.write(args[0], x.stdin()))
	case "read":
		text, err := x.c.read(args[0])
		x.out(text)
		return x.report(err)
	case "env":
		x.out(cmp.Or(x.req.Env[args[0]], x.c.Env[args[0]]))
	case "self":
		x.out(cmp.Or(x.req.User, x.c.User) + " " + cmp.Or(x.req.Dir, x.c.Dir))
	case "running":
		return status(x.c.marks[args[0]] > 0)
	case "resolve":
		address := x.c.resolve(args[0])
		x.out(address)
		return status(address != "")
	case "dial":
		return status(x.c.dial(args[0]))
	}
	return 0
}

// report prints an error as a program would.
func (x execution) report(err error) int {
	if err != nil {
		x.err(err.Error())
	}
	return status(err == nil)
}

func (x execution) out(text string) { write(x.req.Stdout, text) }

func (x execution) err(text string) {
	if x.req.TTY {
		write(x.req.Stdout, text)
		return
	}
	write(x.req.Stderr, text)
}

func (x execution) stdin() string {
	if x.req.Stdin == nil {
		return ""
	}
	text, _ := io.ReadAll(x.req.Stdin)
	return string(text)
}

func write(w io.Writer, text string) {
	if w != nil {
		_, _ = io.WriteString(w, text)
	}
}

func status(ok bool) int {
	if ok {
		return 0
	}
	return 1
}

var errReadOnly = errors.New("Read-only file system") //nolint:staticcheck // the kernel's words

// place returns where a path of the container is kept: in a volume or in memory. ok is
// false for the read-only root.
func (c *fakeContainer) place(name string) (files map[string]string, key string, ok bool) {
	for _, m := range c.Mounts {
		if rest, below := strings.CutPrefix(name, m.Target+"/"); below {
			return c.env.data, path.Join(string(c.kindOfVolume()), m.Volume, m.Path, rest), true
		}
	}
	for _, dir := range append([]string{"/tmp", "/run"}, c.Tmpfs...) {
		if strings.HasPrefix(name, dir+"/") {
			return c.scratch, name, true
		}
	}
	return nil, "", false
}

// kindOfVolume keeps the volumes of services and applications apart, though a service may
// be named like an application.
func (c *fakeContainer) kindOfVolume() engine.Kind {
	if c.kind == engine.KindService {
		return engine.KindService
	}
	return engine.KindWeb
}

func (c *fakeContainer) write(name, text string) error {
	files, key, ok := c.place(name)
	if !ok {
		return fmt.Errorf("%s: %w", name, errReadOnly)
	}
	files[key] = text
	return nil
}

func (c *fakeContainer) read(name string) (string, error) {
	for _, f := range c.Files {
		if f.Path == name {
			return f.Content, nil
		}
	}
	for _, p := range c.Programs {
		if p.Target == name {
			text, ok := c.env.world.programs[p.Source]
			if !ok {
				return "", fmt.Errorf("%s: %w", p.Source, fs.ErrNotExist)
			}
			return text, nil
		}
	}
	if files, key, ok := c.place(name); ok {
		if text, ok := files[key]; ok {
			return text, nil
		}
	}
	return "", fmt.Errorf("%s: %w", name, fs.ErrNotExist)
}

// resolve returns the address that a link leads to: to a service, or to a container of
// the same release.
func (c *fakeContainer) resolve(host string) string {
	if address, ok := c.Hosts[host]; ok {
		return address
	}
	if slices.Contains(c.RouterHosts, host) {
		return c.env.prefix() + "1"
	}
	for _, release := range []string{"", c.release} {
		if target := c.env.containers[release+"/"+c.Links[host]]; target != nil {
			return target.address
		}
	}
	return ""
}

// dial reports whether something in the same environment serves at "host:port".
func (c *fakeContainer) dial(to string) bool {
	host, port, _ := strings.Cut(to, ":")
	if address := c.resolve(host); address != "" {
		host = address
	}
	if host == "127.0.0.1" {
		host = c.address
	}
	for _, target := range c.env.containers {
		serves := len(target.Command) == 2 && target.Command[0] == "serve" && target.Command[1] == port
		if serves && target.running && target.address == host {
			return true
		}
	}
	return false
}
