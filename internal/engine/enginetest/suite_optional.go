package enginetest

import (
	"errors"
	"sync/atomic"
	"time"

	"sluice/internal/engine"
	"sluice/internal/platform"
)

// freezer returns the engine as one that freezes, or skips the test.
func (e *env) freezer() engine.Freezer {
	e.Helper()
	f, ok := e.Engine.(engine.Freezer)
	if !ok {
		e.Skip("the engine does not freeze services")
	}
	return f
}

func testFreeze(e *env) {
	f := e.freezer()
	e.live(e.spec("r1"))
	if err := f.Freeze(e.context(), e.id, limit); err != nil {
		e.Fatalf("Freeze: %v", err)
	}
	if err := f.Freeze(e.context(), e.id, limit); platform.ErrorCode(err) != platform.CodeConflict {
		e.Errorf("a second Freeze: got error %v, want a conflict", err)
	}
	var thawed atomic.Bool
	done := make(chan bool)
	for _, in := range []engine.ExecRequest{{Container: "store"}, {Release: "r1", Container: "shop"}} {
		in.Environment, in.Command = e.id, e.Tools.Print("", "", 0)
		go func() {
			_, _ = e.Engine.Exec(e.context(), in)
			done <- thawed.Load()
		}()
	}
	if _, err := e.Engine.Environments(e.context()); err != nil { // the engine itself is not frozen
		e.Errorf("Environments: %v", err)
	}
	thawed.Store(true)
	for range 2 {
		if err := f.Thaw(e.id); err != nil {
			e.Fatalf("Thaw: %v", err)
		}
	}
	for range 2 {
		if !<-done {
			e.Error("a command ran in a frozen container")
		}
	}
	e.must("r1", "shop", e.Tools.Print("", "", 0))
	e.must("", "store", e.Tools.Dial("127.0.0.1", servicePort))
}

// testFreezeSideBySide freezes and thaws from several goroutines; nothing is frozen at the end.
func testFreezeSideBySide(e *env) {
	f := e.freezer()
	e.live(e.spec("r1"))
	done := make(chan error)
	for range 4 {
		go func() {
			var err error
			for range 5 {
				err = f.Freeze(e.context(), e.id, limit)
				if platform.ErrorCode(err) == platform.CodeConflict {
					err = nil
				}
				err = errors.Join(err, f.Thaw(e.id))
			}
			done <- err
		}()
	}
	for range 4 {
		if err := <-done; err != nil {
			e.Errorf("Freeze and Thaw side by side: %v", err)
		}
	}
	e.must("", "store", e.Tools.Print("", "", 0))
	e.must("r1", "shop", e.Tools.Print("", "", 0))
}

func testFreezeEnds(e *env) {
	f := e.freezer()
	if err := f.Freeze(e.context(), e.id, limit); err != nil {
		e.Errorf("Freeze of an environment without services: %v", err)
	}
	if err := f.Thaw(e.id); err != nil {
		e.Errorf("Thaw of an environment without services: %v", err)
	}
	e.live(e.spec("r1"))
	if err := f.Freeze(e.context(), e.id, 5*time.Second); err != nil {
		e.Fatalf("Freeze: %v", err)
	}
	e.must("", "store", e.Tools.Print("", "", 0)) // begins when the time is up
	if err := f.Freeze(e.context(), e.id, limit); err != nil {
		e.Fatalf("Freeze after the time was up: %v", err)
	}
	e.Engine = e.Reopen(e.T)
	e.must("", "store", e.Tools.Print("", "", 0))
	if err := f.Thaw(e.id); err != nil {
		e.Errorf("Thaw by the engine of before: %v", err)
	}
}
