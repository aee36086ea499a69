package edge

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

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
	Hold        *savedHold             `json:"hold,omitempty"`     // with Open: its deadline has passed, its activity goes on
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

type savedHold struct {
	Activity   string              `json:"activity"`
	StartedAt  time.Time           `json:"started_at"`
	Deadline   time.Time           `json:"deadline"`
	Wait       time.Duration       `json:"wait,omitempty"` // until a deadline that is set once more
	Limit      int                 `json:"limit"`
	OnDeadline platform.OnDeadline `json:"on_deadline"`
}

func (s *savedHold) hold() *hold {
	return &hold{activity: s.Activity, wait: cmp.Or(s.Wait, s.Deadline.Sub(s.StartedAt)), deadline: s.Deadline, limit: s.Limit, onDeadline: s.OnDeadline}
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

// load returns the saved state. A file that is none is renamed, so that it can be looked
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
	f.log.Error("router state cannot be read; starting empty", slog.String("set_aside_as", aside), slog.Any("err", reason))
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
			Message: "the router did what it was told but could not save it; after a restart it would not know",
			Hint:    "free space on the disk of the router's state file and run the command again",
			Err:     err,
		}
	}
	return nil
}

// saveLater is for changes that nobody asked for and nobody waits for.
func (r *Router) saveLater() {
	if err := r.save(); err != nil {
		r.log.Error("router state not saved", slog.Any("err", err))
	}
}

func (r *Router) snapshot() savedState {
	s := savedState{Version: stateVersion, BypassKey: r.key, Environments: []savedGate{}}
	for _, g := range r.list() {
		s.Environments = append(s.Environments, g.record())
	}
	return s
}

// list returns the gates, sorted by environment.
func (r *Router) list() []*gate {
	r.mu.Lock()
	defer r.mu.Unlock()
	gates := make([]*gate, 0, len(r.gates))
	for _, g := range r.gates {
		gates = append(gates, g)
	}
	slices.SortFunc(gates, func(a, b *gate) int { return strings.Compare(string(a.id), string(b.id)) })
	return gates
}

func (g *gate) record() savedGate {
	g.mu.Lock()
	defer g.mu.Unlock()
	s := savedGate{Environment: g.id, State: g.state, Message: g.message, Activity: g.activity}
	if g.release != nil {
		s.Published, s.Publication = true, savedPublication{g.release.publication, g.release.encoded}
	}
	if g.candidate != nil {
		s.Candidate = &g.candidate.publication
	}
	if p := g.protection.Load(); p != nil {
		s.Settings = &p.settings
	}
	if h := cmp.Or(g.hold, g.lapsed); h != nil {
		s.Hold = &savedHold{
			Activity: h.activity, StartedAt: g.report.StartedAt, Deadline: h.deadline, Wait: h.wait,
			Limit: h.limit, OnDeadline: h.onDeadline,
		}
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
		g := r.gateLocked(sg.Environment)
		rel, err := r.restoreGate(g, sg)
		if err != nil {
			r.log.Error("environment not restored", slog.String("environment", string(sg.Environment)), slog.Any("err", err))
			delete(r.gates, sg.Environment)
			continue
		}
		if rel != nil {
			releases = append(releases, rel)
		}
	}
	r.table.Store(newTable(releases))
	return nil
}

// restoreGate brings back one gate and returns the release that it serves, nil for none.
func (r *Router) restoreGate(g *gate, s savedGate) (rel *release, err error) {
	if s.Settings != nil {
		p, err := compileProtection(*s.Settings)
		if err != nil {
			return nil, err
		}
		g.protection.Store(p)
	}
	if s.Published {
		if rel, err = r.cachedRelease(g, s.Publication.Publication); err != nil {
			return nil, err
		}
	}
	if s.Candidate != nil {
		if g.candidate, err = r.newRelease(g, *s.Candidate); err != nil { // the site needs none
			r.log.Error("offered release not restored", slog.String("environment", string(s.Environment)), slog.Any("err", err))
		}
	}
	g.restore(s, rel)
	return rel, nil
}

func (g *gate) restore(s savedGate, rel *release) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.release, g.message, g.activity = rel, s.Message, s.Activity
	if s.Hold != nil {
		g.activity = s.Hold.Activity
		g.report.StartedAt, g.uncounted = s.Hold.StartedAt, true
	}
	switch {
	case s.State == Held && s.Hold != nil:
		g.arm(s.Hold.hold())
		if !time.Now().Before(s.Hold.Deadline) {
			g.overdue() // before anybody comes in; the next change saves it
		}
	case s.State == Open && rel != nil:
		g.state = Open
		if s.Hold != nil {
			g.lapsed = s.Hold.hold()
		}
	default:
		g.state = Closed
	}
}

// serving returns the release, nil before the first publication.
func (g *gate) serving() *release {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.release
}
