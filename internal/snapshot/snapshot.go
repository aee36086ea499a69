package snapshot

import (
	"context"
	"io"
	"strings"
	"time"

	"sluice/internal/platform"
)

// Store takes snapshots and puts them in place. Its methods are safe for concurrent use.
// Of Take and Plant one runs at a time for an environment; a second one returns CodeConflict
// at once. A snapshot that does not exist is CodeNotFound, too little room CodeUnavailable,
// each with nothing changed.
//
// Progress for people goes to log, a line per event: which method was used, and how long
// the environment stood still. When ctx ends, a method stops soon, leaves nothing behind
// and returns the cause.
type Store interface {
	// Take makes a snapshot of everything that an environment stores. Its containers may run:
	// they are frozen for the moment in which it is taken, requests wait at the router, and
	// they go on whatever happens, also after the death of this process.
	Take(ctx context.Context, req Request, log io.Writer) (Snapshot, error)

	// Plant makes an environment's data what a snapshot holds; the snapshot stays, unless the
	// request consumes it. The
	// environment may be another one than the snapshot's, and may have no data yet. None of
	// its containers may run.
	//
	// What was there before becomes a snapshot of its own with MethodMoved, which Plant can
	// put back; the ID of the returned one is empty when nothing was there. Plant does all or
	// nothing, also when the machine stops in the middle: Recover decides then.
	Plant(ctx context.Context, req PlantRequest, log io.Writer) (before Snapshot, err error)

	// Snapshot returns one.
	Snapshot(ctx context.Context, id string) (Snapshot, error)

	// List returns the complete snapshots of an environment, newest first; those of all when
	// env is empty.
	List(ctx context.Context, env platform.EnvironmentID) ([]Snapshot, error)

	// Remove deletes a snapshot; one that is gone is no error. It returns CodeConflict while
	// the snapshot is open or is being planted. Room comes back only for what nothing else shares.
	Remove(ctx context.Context, id string) error

	// Open gives a program that reads files, such as one that backs them up, a directory with
	// the snapshot's parts, each at its Part.Dir. The directory has the same path for all
	// snapshots of an environment; while one of them is open, opening another is CodeConflict.
	// Nothing may be changed in it. The caller calls closed once.
	Open(ctx context.Context, id string) (dir string, closed func() error, err error)

	// Usage measures what an environment's data and its snapshots take.
	Usage(ctx context.Context, env platform.EnvironmentID) (Usage, error)

	// Recover cleans up after a process that died: it lets what was frozen go on, finishes or
	// undoes what Plant had begun, removes incomplete snapshots and closes open ones. It has to
	// run at the start, before anything else of the Store.
	Recover(ctx context.Context) error
}

// Request is what Take is asked for.
type Request struct {
	Environment platform.EnvironmentID
	Reason      string // for people: "before the deployment of release r12"
	Release     string // the one that served; empty for none
	// Held: the caller has made the environment's requests wait at the router, or nothing is
	// routed to it. Otherwise Take does while containers stand still.
	Held bool
	// Bytes is how much Receive is going to write, as far as that is known. Take finds out itself.
	Bytes int64
}

// PlantRequest is what Plant is asked for.
type PlantRequest struct {
	Snapshot    string // its ID
	Environment platform.EnvironmentID
	Parts       []string // names of the parts to plant; the others are left as they are; nil for all
	Reason      string   // for people; it becomes the Reason of what was there before
	// Consume uses the snapshot up: its parts are moved instead of copied, whatever their size,
	// and the rest of it is removed. One that is open is copied, and stays.
	Consume bool
}

// Snapshot is the data of one environment as of one moment.
type Snapshot struct {
	ID          string                 `json:"id"`
	Environment platform.EnvironmentID `json:"environment"`
	Reason      string                 `json:"reason"`
	Release     string                 `json:"release,omitempty"`
	Taken       time.Time              `json:"taken"`
	Method      Method                 `json:"method"`
	Parts       []Part                 `json:"parts"` // sorted by name
	// Standstill is the longest time that a container of the environment did not run for it.
	Standstill time.Duration `json:"standstill_ns"`
}

// Size adds up the sizes of its parts.
func (s Snapshot) Size() Size {
	var sum Size
	for _, p := range s.Parts {
		sum.Bytes += p.Bytes
		sum.Files += p.Files
	}
	return sum
}

// Part returns one by its name.
func (s Snapshot) Part(name string) (Part, bool) {
	for _, p := range s.Parts {
		if p.Name == name {
			return p, true
		}
	}
	return Part{}, false
}

// Method says how files came into a snapshot.
type Method string

// MethodShared shares the blocks of files with the original until either is written to.
// MethodCopy copies them. MethodMoved renamed the original's directories: what Plant replaced.
const (
	MethodShared Method = "shared"
	MethodCopy   Method = "copy"
	MethodMoved  Method = "moved"
)

// Part is the directory of one service, or one source of an application's mounts.
type Part struct {
	Name string `json:"name"` // as ServicePart and MountPart make it
	Dir  string `json:"dir"`  // slash-separated, below the directory that Open returns
	Size
}

// Size is the size of files as a listing shows it: blocks that others share count fully.
type Size struct {
	Bytes int64 `json:"bytes"`
	Files int64 `json:"files"`
}

const (
	servicePrefix = "service:"
	mountPrefix   = "mount:"
)

// ServicePart names the directory of a service: "service:mysql".
func ServicePart(service string) string { return servicePrefix + service }

// MountPart names a source of an application's mounts: "mount:app:pub/media".
func MountPart(app, source string) string { return mountPrefix + app + ":" + source }

// Service returns the service whose directory the part is.
func (p Part) Service() (name string, ok bool) { return strings.CutPrefix(p.Name, servicePrefix) }

// Mount returns the application and the source of its mounts that the part is.
func (p Part) Mount() (app, source string, ok bool) {
	rest, ok := strings.CutPrefix(p.Name, mountPrefix)
	if !ok {
		return "", "", false
	}
	return strings.Cut(rest, ":")
}

// Usage is what an environment's data takes.
type Usage struct {
	Parts     []Part          // of the environment itself, sorted by name
	Data      Size            // the sum of these
	Snapshots map[string]Size // by ID
	// Disk is the room on disk that the data and the snapshots take together: blocks that
	// they share, among themselves or with others, count once. Own is the part of it that is in
	// one file only. Both are equal where blocks are not shared.
	Disk, Own int64
	// Free and Total are of the file system that all of it lies in.
	Free, Total int64
}
