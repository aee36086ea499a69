package enginetest

import (
	"context"
	"errors"
	"strings"

	"github.com/google/go-cmp/cmp"

	"sluice/internal/engine"
)

func testPrepare(e *env) {
	spec := e.spec("r1")
	e.prepare(spec)
	first, err := e.Engine.Observe(e.context(), e.id)
	if err != nil {
		e.Fatalf("Observe: %v", err)
	}
	if !first.Network || len(first.Containers) != 2 {
		e.Fatalf("got %+v, want a network, the service and the web container", first)
	}
	service, web := first.Containers[0], first.Containers[1]
	if service.Kind != engine.KindService || service.Name != "store" || service.Release != "" || !service.Running || !service.Healthy {
		e.Errorf("got service %+v, want store first, running and healthy", service)
	}
	if web.Kind != engine.KindWeb || web.Release != "r1" || web.Image != e.Image || !web.Running || !web.Healthy || web.Address == "" {
		e.Errorf("got web container %+v, want it running, healthy and with an address", web)
	}
	e.prepare(spec)
	second, err := e.Engine.Observe(e.context(), e.id)
	if err != nil {
		e.Fatalf("Observe: %v", err)
	}
	if diff := cmp.Diff(first, second); diff != "" {
		e.Errorf("a second Prepare changed something (-first +second):\n%s", diff)
	}
}

func testPrepareBeside(e *env) {
	e.live(e.spec("r1"))
	before := e.observe()
	next := e.spec("r2")
	next.Services[0].Generation = "g2"
	next.Services[0].Env["COLOR"] = "red"
	e.prepare(next)
	after := e.observe()
	for _, name := range []string{"/store", "r1/shop", "r1/shop--queue"} {
		if diff := cmp.Diff(before[name], after[name]); diff != "" {
			e.Errorf("Prepare of r2 touched %s (-before +after):\n%s", name, diff)
		}
	}
	if !after["r2/shop"].Running {
		e.Error("the warm web container of r2 does not run")
	}
	if got := e.Get(after["r1/shop"].Address, "/ready"); got != 200 {
		e.Errorf("r1 answers %d, want 200", got)
	}
}

func testPrepareCold(e *env) {
	spec := e.spec("r1")
	spec.Apps[0].Warm = false
	e.prepare(spec)
	got, ok := e.observe()["r1/shop"]
	if !ok || got.Running || got.Healthy {
		e.Errorf("got %+v (exists: %t), want a web container that does not run", got, ok)
	}
}

func testFailingService(e *env) {
	spec := e.spec("r1")
	spec.Services[0].Command = e.Tools.Crash("the disk is on fire", 3)
	slow := e.service("slow") // waited for in vain while the other one crashes
	slow.Address = strings.TrimSuffix(e.subnet, "0/24") + "11"
	slow.Health = e.Tools.Print("", "", 1)
	spec.Services = append([]engine.Service{slow}, spec.Services...)
	err := e.Engine.Prepare(e.context(), spec, &e.log)
	e.wantFailure(err, "store", "the disk is on fire")

	if got := e.observe()["/slow"]; !got.Running {
		e.Errorf("got %+v, want the service that did not fail left alone", got)
	}

	fixed := e.spec("r1")
	fixed.Services[0].Generation = "g2"
	e.prepare(fixed)
	if got := e.observe()["/store"]; !got.Healthy {
		e.Errorf("got %+v after the correction, want a healthy service", got)
	}
}

func testSetup(e *env) {
	spec := e.spec("r1")
	spec.Services[0].Setup = &engine.Setup{Command: e.Tools.Store("/mnt/data/setup"), Stdin: "create database main"}
	e.prepare(spec)
	if got := e.must("", "store", e.Tools.Read("/mnt/data/setup")); got != "create database main" {
		e.Errorf("setup got %q on standard input", got)
	}
	e.must("", "store", e.Tools.Write("/mnt/data/setup", ""))
	e.prepare(spec)
	if got := e.must("", "store", e.Tools.Read("/mnt/data/setup")); got != "create database main" {
		e.Errorf("after a second Prepare setup got %q on standard input", got)
	}

	const secret = "a-generated-password"
	spec.Services[0].Setup = &engine.Setup{Command: e.Tools.Print("", "no such user "+secret, 4), Stdin: "user " + secret}
	err := e.Engine.Prepare(e.context(), spec, &e.log)
	e.wantFailure(err, "store", "no such user")
	if f, _ := errors.AsType[*engine.Failure](err); f != nil && strings.Contains(strings.Join(f.Tail, ""), secret) {
		e.Errorf("the failure tells the secret: %q", f.Tail)
	}
}

// MissingImage is a reference that must not be in the engine's store and in no registry.
const MissingImage = "sluice.invalid/nobody-has-this:0"

func testMissingImage(e *env) {
	spec := e.spec("r1")
	spec.Workers[0].Image = MissingImage
	err := e.Engine.Prepare(e.context(), spec, &e.log)
	if err == nil || !strings.Contains(err.Error(), MissingImage) {
		e.Errorf("got error %v, want one that names the image", err)
	}
}

func testCancelledPrepare(e *env) {
	cause := errors.New("the user cancelled")
	ctx, cancel := context.WithCancelCause(e.Context())
	cancel(cause)
	if err := e.Engine.Prepare(ctx, e.spec("r1"), &e.log); !errors.Is(err, cause) {
		e.Errorf("got error %v, want the cause", err)
	}
}
