package docker

import (
	"fmt"

	"github.com/moby/moby/api/types/container"

	"sluice/internal/engine"
	"sluice/internal/platform"
)

// planner turns what is wanted and what exists into a plan. It does no I/O.
type planner struct {
	names  naming
	env    platform.EnvironmentID
	have   observed
	limits Limits
}

// prepare plans what can be done while another release serves: everything but replacing
// services and starting what runs code of the application.
func (p planner) prepare(want desired) (plan, error) {
	ground, err := p.ground(want)
	if err != nil {
		return nil, err
	}
	var up stage
	for _, w := range want.services {
		if f, ok := p.have.find("", w.Name); ok && f.generation != w.generation {
			ground = append(ground, p.volumes(w))
			continue // start replaces it
		}
		up = append(up, append(p.converge(w, true), p.health(w)...))
	}
	for _, w := range want.web {
		c := p.converge(w, w.warm)
		if w.warm {
			c = append(c, p.act(awaitReady, w, ""))
		}
		up = append(up, c)
	}
	for _, w := range want.workers {
		ground = append(ground, p.volumes(w))
	}
	return plan{}.add(ground).add(up), nil
}

// start plans the switch to the specification's services and web containers.
func (p planner) start(want desired) (plan, error) {
	ground, err := p.ground(want)
	if err != nil {
		return nil, err
	}
	var down, services, web stage
	for _, f := range p.have.containers {
		if f.kind == engine.KindService && !wants(want.services, f.name) {
			down = append(down, p.take(f, "no longer in the configuration"))
		}
	}
	for _, w := range want.services {
		if c := p.converge(w, true); len(c) > 0 {
			services = append(services, append(c, p.health(w)...))
		}
	}
	for _, w := range want.web {
		c := append(p.converge(w, true), p.act(awaitReady, w, ""))
		if w.after != "" {
			c = append(c, p.act(postStart, w, ""))
		}
		web = append(web, c)
	}
	return plan{}.add(ground).add(down).add(services).add(web), nil
}

// background plans the workers of a release.
func (p planner) background(want desired) (plan, error) {
	ground, err := p.ground(want)
	if err != nil {
		return nil, err
	}
	var up stage
	for _, w := range want.workers {
		up = append(up, p.converge(w, true))
	}
	return plan{}.add(ground).add(up), nil
}

// quiesce plans the end of all workers.
func (p planner) quiesce() plan {
	var s stage
	for _, f := range p.have.containers {
		if f.kind == engine.KindWorker && f.running() {
			s = append(s, chain{p.actOn(silence, f, "quiet before the switch")})
		}
	}
	return plan{}.add(s)
}

// retire plans the removal of one release.
func (p planner) retire(release string) plan {
	var s stage
	for _, f := range p.have.containers {
		if f.kind != engine.KindService && f.release == release {
			s = append(s, p.take(f, "release "+release+" is retired"))
		}
	}
	return plan{}.add(s).add(stage{p.deleteTree("files of "+release, releaseFiles(p.env, release))})
}

// destroy plans the removal of everything. Services go last: what uses them may still
// write while it stops.
func (p planner) destroy(data bool) plan {
	const cause = "the environment is removed"
	var clients, services, ground, trees stage
	for _, f := range p.have.containers {
		if f.kind == engine.KindService {
			services = append(services, p.take(f, cause))
		} else {
			clients = append(clients, p.take(f, cause))
		}
	}
	if p.have.network {
		ground = append(ground, chain{{verb: removeNetwork, subject: p.names.network(p.env), cause: cause}})
	}
	trees = append(trees, p.deleteTree("generated files", filesOf(p.env)))
	if data {
		for _, tree := range dataOf(p.env) {
			trees = append(trees, p.deleteTree("data in "+tree, tree))
		}
	}
	return plan{}.add(clients).add(services).add(ground).add(trees)
}

// ground plans what containers stand on: the network and the images.
func (p planner) ground(want desired) (stage, error) {
	var s stage
	switch {
	case !p.have.network:
		s = append(s, chain{{verb: createNetwork, subject: p.names.network(p.env), cause: "not found"}})
	case want.subnet.IsValid() && p.have.subnet != want.subnet:
		return nil, fmt.Errorf("network %s has subnet %s and the specification says %s: remove the environment's containers and network first",
			p.names.network(p.env), p.have.subnet, want.subnet)
	}
	for _, ref := range p.have.missing {
		s = append(s, chain{{verb: pullImage, subject: "image " + ref, image: ref, cause: "not in the store"}})
	}
	return s, nil
}

// converge plans the way from what exists of one container to what is wanted; nil when
// nothing is left to do. up says whether it has to run.
func (p planner) converge(w wanted, up bool) chain {
	f, ok := p.have.find(w.release, w.Name)
	var c chain
	switch {
	case !ok:
		c = chain{p.act(create, w, "not found")}
	case f.generation != w.generation:
		c = append(p.take(f, "its definition changed"), p.act(create, w, ""))
	case f.unsafe && up:
		c = append(p.take(f, "an application could redirect its mounts"), p.act(create, w, ""))
	case f.state == container.StateDead || f.state == container.StateRemoving:
		c = append(p.take(f, "it is "+string(f.state)), p.act(create, w, ""))
	case f.running() || !up:
		if l := p.limits.of(w); f.kind == engine.KindService && f.limits != l.String() {
			return chain{p.act(limit, w, "its limits changed")}
		}
		return nil
	default:
		a := p.act(start, w, "it is "+string(f.state))
		a.id = f.id
		return chain{a}
	}
	if up {
		c = append(c, p.act(start, w, ""))
	}
	return c
}

// health plans what makes a started service ready for its clients.
func (p planner) health(w wanted) chain {
	c := chain{p.act(awaitHealthy, w, "")}
	if w.setup != nil {
		c = append(c, p.act(setUp, w, ""))
	}
	return c
}

// volumes plans the directories of a container that is made later.
func (p planner) volumes(w wanted) chain {
	if f, ok := p.have.find(w.release, w.Name); (ok && f.generation == w.generation) || len(w.Mounts) == 0 {
		return nil
	}
	return chain{p.act(makeVolumes, w, "made later")}
}

// take plans the end of a container.
func (p planner) take(f found, cause string) chain {
	if f.running() {
		return chain{p.actOn(stop, f, cause), p.actOn(remove, f, "")}
	}
	return chain{p.actOn(remove, f, cause)}
}

func (p planner) deleteTree(subject, path string) chain {
	return chain{{verb: removeTree, subject: subject, path: path}}
}

func (p planner) act(v verb, w wanted, cause string) action {
	return action{verb: v, subject: w.subject(), cause: cause, container: p.names.container(p.env, w.release, w.Name), wanted: w}
}

func (p planner) actOn(v verb, f found, cause string) action {
	return action{
		verb: v, subject: subject(f.kind, f.name, f.release), cause: cause,
		container: p.names.container(p.env, f.release, f.name), id: f.id,
	}
}

// wants reports whether the list has a container of this name.
func wants(list []wanted, name string) bool {
	for _, w := range list {
		if w.Name == name {
			return true
		}
	}
	return false
}
