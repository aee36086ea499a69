package engine

import (
	"context"
	"io"
	"time"

	"sluice/internal/platform"
)

// What follows is for engines that can do more than Engine. Callers ask with a type
// assertion and say what they do without. enginetest runs a part of the conformance suite
// for each.

// Freezer is an engine that can hold an environment still, so that its data can be copied
// as of one moment. Its methods are safe for concurrent use, also for one environment.
type Freezer interface {
	// Freeze stops all processes of an environment and returns when none runs: those of web
	// containers and workers first, so that nothing is written any more when the services stop.
	// Commands that Exec is asked for meanwhile begin after the thaw. After limit, or when
	// another control plane takes over the engine, they are thawed without Thaw. An error
	// leaves nothing frozen; an environment that is frozen already is platform.CodeConflict.
	Freeze(ctx context.Context, env platform.EnvironmentID, limit time.Duration) error

	// Thaw lets them go on, services first. It works without the engine's own program, which may wait for
	// one of the frozen processes, and can run twice.
	Thaw(env platform.EnvironmentID) error
}

// ProgramStore is an engine to which executables of the platform are delivered.
type ProgramStore interface {
	// KeepProgram stores an executable and returns what Program.Source has to say to have it
	// mounted. The same content is the same source; a source never changes what it means.
	KeepProgram(ctx context.Context, name string, content io.ReadSeeker) (source string, err error)

	// Programs lists the sources of all that is stored.
	Programs(ctx context.Context) ([]string, error)

	// RemoveProgram removes one. The caller knows that no release names it.
	RemoveProgram(ctx context.Context, source string) error
}

// Guarded is an engine that keeps containers and builds from private networks and from the
// machine's metadata service.
type Guarded interface {
	// Guard installs or renews what keeps them; it has to run at every start.
	Guard(ctx context.Context) error

	// Unguard removes it.
	Unguard(ctx context.Context)
}

// TerminalSize is the size of a terminal in characters.
type TerminalSize struct {
	Columns, Rows uint
}
