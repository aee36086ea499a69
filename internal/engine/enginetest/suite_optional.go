package enginetest

import (
	"sluice/internal/engine"
	"sluice/internal/platform"
)

func testFreeze(e *env) {
	f, ok := e.Engine.(engine.Freezer)
	if !ok {
		e.Skip("the engine does not freeze services")
	}
	e.live(e.spec("r1"))
	if err := f.Freeze(e.context(), e.id, limit); err != nil {
		e.Fatalf("Freeze: %v", err)
	}
	if err := f.Freeze(e.context(), e.id, limit); platform.ErrorCode(err) != platform.CodeConflict {
		e.Errorf("a second Freeze: got error %v, want a conflict", err)
	}
	for range 3 {
		e.must("r1", "shop", e.Tools.Print("", "", 0)) // the application is not frozen
	}
	for range 2 {
		if err := f.Thaw(e.id); err != nil {
			e.Fatalf("Thaw: %v", err)
		}
	}
	e.must("", "store", e.Tools.Dial("127.0.0.1", servicePort))
}
