package enginetest

import (
	"cmp"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"sluice/internal/engine"
)

// prepare makes the environment, missing services and the release's web containers.
func (w *world) prepare(spec engine.Spec, log io.Writer) error {
	for _, ref := range imagesOf(spec) {
		if w.missing[ref] {
			return fmt.Errorf("image %s %w", ref, errNoImage)
		}
	}
	e := w.envs[spec.Environment]
	if e == nil {
		e = &fakeEnv{world: w, containers: map[string]*fakeContainer{}, data: map[string]string{}}
		w.envs[spec.Environment] = e
	}
	if err := e.owned(spec.Environment, spec.Project); err != nil {
		return err
	}
	if !e.network {
		e.isolated = spec.Isolated
	}
	e.network, e.subnet, e.project = true, spec.Subnet, cmp.Or(spec.Project, e.project)
	for _, s := range spec.Services {
		if c := e.containers["/"+s.Name]; c != nil && c.generation != s.Generation {
			continue // start replaces it
		}
		if err := e.service(w, s, log); err != nil {
			return err
		}
	}
	for _, a := range spec.Apps {
		c := e.make(a.Container, engine.KindWeb, spec.Release)
		c.port = a.Port
		if a.Warm {
			if err := c.up(log); err != nil {
				return err
			}
		}
	}
	return nil
}

// start replaces changed services, drops those that are not named and starts web containers.
func (w *world) start(spec engine.Spec, log io.Writer) ([]engine.Endpoint, error) {
	e := w.envs[spec.Environment]
	if e == nil || !e.network {
		return nil, fmt.Errorf("environment %s is not prepared", spec.Environment)
	}
	named := map[string]bool{}
	for _, s := range spec.Services {
		named[s.Name] = true
		c := e.containers["/"+s.Name]
		if c != nil && c.generation == s.Generation && c.running {
			continue
		}
		if c != nil && c.generation != s.Generation {
			c.stop(log)
			delete(e.containers, c.key())
		}
		if err := e.service(w, s, log); err != nil {
			return nil, err
		}
	}
	for _, c := range w.list(spec.Environment) {
		if c.kind == engine.KindService && !named[c.Name] {
			c.stop(log)
			delete(e.containers, c.key())
		}
	}
	var ends []engine.Endpoint
	for _, a := range spec.Apps {
		c := e.make(a.Container, engine.KindWeb, spec.Release)
		c.port = a.Port
		if err := c.up(log); err != nil {
			return nil, err
		}
		if err := c.mustRun(w, "post_start", strings.Split(a.PostStart, wordEnd), ""); err != nil {
			return nil, err
		}
		ends = append(ends, engine.Endpoint{App: a.Name, Address: c.endpoint()})
	}
	return ends, nil
}

// background starts the workers.
func (w *world) background(spec engine.Spec, log io.Writer) error {
	e := w.envs[spec.Environment]
	if e == nil || !e.network {
		return fmt.Errorf("environment %s is not prepared", spec.Environment)
	}
	for _, k := range spec.Workers {
		_ = e.make(k.Container, engine.KindWorker, spec.Release).up(log) // one that exits is started again and again
	}
	return nil
}

// service makes a service if it is not there, starts it and runs its setup.
func (e *fakeEnv) service(w *world, s engine.Service, log io.Writer) error {
	c := e.make(s.Container, engine.KindService, "")
	c.generation, c.address = s.Generation, cmp.Or(s.Address, c.address)
	if err := c.up(log); err != nil {
		delete(e.containers, c.key())
		return err
	}
	if s.Setup == nil {
		return nil
	}
	return c.mustRun(w, "setup", s.Setup.Command, s.Setup.Stdin)
}

// make returns the container, a new one when there is none.
func (e *fakeEnv) make(spec engine.Container, kind engine.Kind, release string) *fakeContainer {
	key := release + "/" + spec.Name
	if c := e.containers[key]; c != nil {
		return c
	}
	e.made++
	c := &fakeContainer{
		Container: spec, env: e, kind: kind, release: release,
		address: e.prefix() + strconv.Itoa(128+e.made),
		scratch: map[string]string{}, marks: map[string]int{},
	}
	e.containers[key] = c
	return c
}

// up starts a container. One whose command is "crash" does not stay up.
func (c *fakeContainer) up(log io.Writer) error {
	if c.running {
		return nil
	}
	say(log, "start "+c.Name)
	c.started = time.Now()
	if len(c.Command) == 3 && c.Command[0] == "crash" {
		c.log = append(c.log, c.Command[1])
		c.exitCode, _ = strconv.Atoi(c.Command[2])
		return &engine.Failure{
			Container: c.Name, Message: "exited with status " + c.Command[2], Tail: []string{c.Command[1]},
		}
	}
	c.running = true
	return nil
}

// mustRun runs a command that has to succeed; no command succeeds. Like a real engine it
// hides the input in what it reports.
func (c *fakeContainer) mustRun(w *world, what string, command []string, stdin string) error {
	var out strings.Builder
	x := execution{world: w, c: c, req: engine.ExecRequest{
		Command: command, Stdin: strings.NewReader(stdin), Stdout: &out, Stderr: &out,
	}}
	code := x.locked()
	if code == 0 {
		return nil
	}
	text := out.String()
	for secret := range strings.FieldsSeq(stdin) {
		if len(secret) >= 12 {
			text = strings.ReplaceAll(text, secret, "[hidden]")
		}
	}
	return &engine.Failure{Container: c.Name, Message: fmt.Sprintf("%s exited with status %d", what, code), Tail: []string{text}}
}

func imagesOf(spec engine.Spec) []string {
	var refs []string
	for _, s := range spec.Services {
		refs = append(refs, s.Image)
	}
	for _, a := range spec.Apps {
		refs = append(refs, a.Image)
	}
	for _, k := range spec.Workers {
		refs = append(refs, k.Image)
	}
	return refs
}
