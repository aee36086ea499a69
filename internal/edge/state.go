package edge

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"sluice/internal/edge/gate"
	"sluice/internal/platform"
)

// stateVersion is the format of the state file. A file of a later version is refused, so
// that a router that was taken back to an older version does not misread it.
// Version 2 added settings, which keep strangers out: a version 1 router must not open the
// environment without them.
const (
	stateVersion    = 2
	oldestReadState = 1
)

// savedState is the whole state file.
type savedState struct {
	Version      int         `json:"version"`
	BypassKey    []byte      `json:"bypass_key,omitempty"`
	Environments []savedGate `json:"environments"` // last: see encodeState
}

// savedGate is what a gate needs to come back as it was. Deadlines are absolute.
type savedGate struct {
	Environment platform.EnvironmentID `json:"environment"`
	State       State                  `json:"state"`
	Message     string                 `json:"message,omitempty"`
	Published   bool                   `json:"published"`
	Hold        *gate.SavedHold        `json:"hold,omitempty"`     // with Open: its deadline has passed, its activity goes on
	Activity    string                 `json:"activity,omitempty"` // that asked for a hold last
	Candidate   *platform.Publication  `json:"candidate,omitempty"`
	Settings    *platform.EdgeSettings `json:"settings,omitempty"`
	Publication savedPublication       `json:"publication"` // last: see encodeState
}

// savedPublication is encoded once for each release: a change of one environment writes
// the routes of all of them.
type savedPublication struct {
	platform.Publication
	encoded []byte // nil: not yet
}

// MarshalJSON implements json.Marshaler.
func (p savedPublication) MarshalJSON() ([]byte, error) {
	if p.encoded != nil {
		return p.encoded, nil
	}
	return json.Marshal(p.Publication)
}

// stateFile writes the state so that a reader finds the whole of one state, also after
// a power failure.
type stateFile struct {
	path string
	log  *slog.Logger

	paused atomic.Bool   // the file is, or may soon be, another process's
	asked  atomic.Uint64 // changes that want to be saved
	mu     sync.Mutex
	saved  uint64 // changes that are saved
}

// save writes what snapshot returns, unless somebody else wrote the caller's change
// while it waited for its turn.
func (f *stateFile) save(snapshot func() savedState) error {
	if f.path == "" || f.paused.Load() {
		return nil
	}
	mine := f.asked.Add(1)
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.saved >= mine || f.paused.Load() {
		return nil
	}
	upTo := f.asked.Load()
	data, err := encodeState(snapshot())
	if err != nil {
		return fmt.Errorf("encode router state: %w", err)
	}
	if err := replaceFile(f.path, data); err != nil {
		return fmt.Errorf("save router state: %w", err)
	}
	f.saved = upTo
	return nil
}

// pause makes save do nothing, from the moment that it returns.
func (f *stateFile) pause(on bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.paused.Store(on)
}

// replaceFile makes path hold data: all of it or, when it fails, what was there before.
func replaceFile(path string, data []byte) error {
	dir := filepath.Dir(path)
	tmp, err := os.CreateTemp(dir, filepath.Base(path)+".new-*") // mode 0600
	if err != nil {
		return err
	}
	defer func() { _ = os.Remove(tmp.Name()) }() // gone already after the rename
	_, err = tmp.Write(data)
	if err := errors.Join(err, tmp.Sync(), tmp.Close()); err != nil {
		return err
	}
	if err := os.Rename(tmp.Name(), path); err != nil {
		return err
	}
	d, err := os.Open(dir) //nolint:gosec // the operator names it
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// load returns the saved state. A file that cannot be read is renamed, so that it can be looked
// at, and an empty state is returned: a router that starts empty can be published to, one
// that does not start cannot.
func (f *stateFile) load() (savedState, error) {
	if f.path == "" {
		return savedState{}, nil
	}
	f.sweep()
	data, err := os.ReadFile(f.path)
	if errors.Is(err, fs.ErrNotExist) {
		return savedState{}, nil
	}
	if err != nil {
		return savedState{}, fmt.Errorf("read router state: %w", err)
	}
	s, err := parseState(data)
	if err != nil {
		return savedState{}, f.setAside(err)
	}
	return s, nil
}

func parseState(data []byte) (savedState, error) {
	var s savedState
	if err := json.Unmarshal(data, &s); err != nil {
		return savedState{}, err
	}
	if s.Version < oldestReadState || s.Version > stateVersion {
		return savedState{}, fmt.Errorf("version %d, want %d to %d", s.Version, oldestReadState, stateVersion)
	}
	return s, nil
}

// setAside renames a file that cannot be used.
func (f *stateFile) setAside(reason error) error {
	aside := f.path + ".corrupt-" + time.Now().UTC().Format("20060102T150405.000000000")
	f.log.Error("could not read the router state; starting empty", slog.String("set_aside_as", aside), slog.Any("error", reason))
	if err := os.Rename(f.path, aside); err != nil {
		return fmt.Errorf("set aside router state: %w", err)
	}
	return nil
}

// sweep removes what a crash between writing and renaming left.
func (f *stateFile) sweep() {
	left, _ := filepath.Glob(f.path + ".new-*") // the pattern is well formed
	for _, name := range left {
		_ = os.Remove(name)
	}
}

func (r *Router) save() error {
	if err := r.state.save(r.snapshot); err != nil {
		return &platform.Error{
			Code:    platform.CodeUnavailable,
			Message: "applied, but saving the router state failed; the change will be lost on restart",
			Hint:    "free space on the disk of the router's state file and run the command again",
			Err:     err,
		}
	}
	return nil
}

// saveLater saves changes that happened without a command, such as a deadline.
func (r *Router) saveLater() {
	if err := r.save(); err != nil {
		r.log.Error("could not save the router state", slog.Any("error", err))
	}
}

func (r *Router) snapshot() savedState {
	s := savedState{Version: stateVersion, BypassKey: r.key, Environments: []savedGate{}}
	for _, e := range r.list() {
		s.Environments = append(s.Environments, e.record())
	}
	return s
}

func (e *environment) record() savedGate {
	g, serving, offered := e.Record()
	s := savedGate{Environment: e.id, State: g.State, Message: g.Message, Activity: g.Activity, Hold: g.Hold}
	if rel := releaseOf(serving); rel != nil {
		s.Published, s.Publication = true, savedPublication{rel.publication, rel.encoded}
	}
	if rel := releaseOf(offered); rel != nil {
		s.Candidate = &rel.publication
	}
	if p := e.protection.Load(); p != nil {
		s.Settings = &p.settings
	}
	return s
}

// restore brings back the gates of the state file. An environment that cannot be brought
// back is logged and left out; it harms no other.
func (r *Router) restore(handed []byte) error {
	load := r.state.load
	if handed != nil {
		load = func() (savedState, error) { return parseState(handed) }
	}
	s, err := load()
	if err != nil {
		return err
	}
	if len(s.BypassKey) == cap(newBypassKey()) {
		r.key = s.BypassKey
	}
	var releases []*release
	for _, sg := range s.Environments {
		e := r.environmentLocked(sg.Environment)
		rel, err := r.restoreEnvironment(e, sg)
		if err != nil {
			r.log.Error("could not restore an environment", slog.String("environment", string(sg.Environment)), slog.Any("error", err))
			delete(r.environments, sg.Environment)
			continue
		}
		if rel != nil {
			releases = append(releases, rel)
		}
	}
	r.table.Store(newTable(releases))
	return nil
}

// restoreEnvironment brings back one environment and returns the release that it serves,
// nil for none.
func (r *Router) restoreEnvironment(e *environment, s savedGate) (rel *release, err error) {
	if s.Settings != nil {
		p, err := compileProtection(*s.Settings)
		if err != nil {
			return nil, err
		}
		e.protection.Store(p)
	}
	var serving, offered gate.Release // nil and not a nil *release
	if s.Published {
		if rel, err = r.cachedRelease(e, s.Publication.Publication); err != nil {
			return nil, err
		}
		serving = rel
	}
	if s.Candidate != nil {
		candidate, err := r.newRelease(e, *s.Candidate)
		if err != nil { // the site does not need it
			r.log.Error("could not restore an offered release", slog.String("environment", string(s.Environment)), slog.Any("error", err))
		} else {
			offered = candidate
		}
	}
	e.Restore(gate.Saved{State: s.State, Message: s.Message, Activity: s.Activity, Hold: s.Hold}, serving, offered)
	return rel, nil
}
