package snapshottest

import (
	"context"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"sluice/internal/platform"
	"sluice/internal/snapshot"
)

// Files are the contents of a part's files, by their path in it.
type Files map[string]string

// Data are the parts of an environment or of a snapshot, by name.
type Data map[string]Files

// Fake is a store in memory. Fail makes calls fail; the rest is what the port says.
type Fake struct {
	// Fail is asked before each call of a method of the port, by its name; may be nil.
	Fail func(method string) error

	dir       string // where Open writes; made by the test
	mu        sync.Mutex
	data      map[platform.EnvironmentID]Data
	snapshots map[string]held
	open      map[platform.EnvironmentID]string
}

// held is one snapshot with what it holds.
type held struct {
	snapshot.Snapshot
	data Data
}

var _ snapshot.Store = (*Fake)(nil)

// NewFake returns an empty store. Open writes below dir, which the test made.
func NewFake(dir string) *Fake {
	return &Fake{
		dir: dir, data: map[platform.EnvironmentID]Data{}, snapshots: map[string]held{},
		open: map[platform.EnvironmentID]string{},
	}
}

// Write sets the content of a file of an environment, as its containers would.
func (f *Fake) Write(env platform.EnvironmentID, part, file, content string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	d := f.data[env]
	if d == nil {
		d = Data{}
		f.data[env] = d
	}
	if d[part] == nil {
		d[part] = Files{}
	}
	d[part][file] = content
}

// Read returns the content of a file of an environment.
func (f *Fake) Read(env platform.EnvironmentID, part, file string) (content string, ok bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	content, ok = f.data[env][part][file]
	return content, ok
}

// Take implements snapshot.Store.
func (f *Fake) Take(ctx context.Context, req snapshot.Request, log io.Writer) (snapshot.Snapshot, error) {
	if err := f.begin(ctx, "Take"); err != nil {
		return snapshot.Snapshot{}, err
	}
	defer f.mu.Unlock()
	s := f.keep(snapshot.Snapshot{
		Environment: req.Environment, Reason: req.Reason, Release: req.Release, Method: snapshot.MethodCopy,
	}, f.data[req.Environment].clone())
	_, _ = fmt.Fprintf(log, "snapshot %s taken (%s)\n", s.ID, s.Method)
	return s, nil
}

// Plant implements snapshot.Store.
func (f *Fake) Plant(ctx context.Context, req snapshot.PlantRequest, log io.Writer) (snapshot.Snapshot, error) {
	if err := f.begin(ctx, "Plant"); err != nil {
		return snapshot.Snapshot{}, err
	}
	defer f.mu.Unlock()
	from, err := f.find(req.Snapshot)
	if err != nil {
		return snapshot.Snapshot{}, err
	}
	parts, err := req.Choose(from.Snapshot)
	if err != nil {
		return snapshot.Snapshot{}, err
	}
	data := f.data[req.Environment]
	if data == nil {
		data = Data{}
		f.data[req.Environment] = data
	}
	old := Data{}
	for _, name := range req.Replaced(slices.Collect(maps.Keys(data))) {
		old[name] = data[name]
		delete(data, name)
	}
	for _, p := range parts {
		data[p.Name] = maps.Clone(from.data[p.Name])
	}
	if req.Consume && f.open[from.Environment] != from.ID {
		delete(f.snapshots, from.ID)
	}
	_, _ = fmt.Fprintf(log, "snapshot %s planted\n", req.Snapshot)
	if len(old) == 0 {
		return snapshot.Snapshot{}, nil
	}
	return f.keep(snapshot.Snapshot{Environment: req.Environment, Reason: req.Reason, Method: snapshot.MethodMoved}, old), nil
}

// Snapshot implements snapshot.Store.
func (f *Fake) Snapshot(ctx context.Context, id string) (snapshot.Snapshot, error) {
	if err := f.begin(ctx, "Snapshot"); err != nil {
		return snapshot.Snapshot{}, err
	}
	defer f.mu.Unlock()
	h, err := f.find(id)
	return h.Snapshot, err
}

// List implements snapshot.Store.
func (f *Fake) List(ctx context.Context, env platform.EnvironmentID) ([]snapshot.Snapshot, error) {
	if err := f.begin(ctx, "List"); err != nil {
		return nil, err
	}
	defer f.mu.Unlock()
	var out []snapshot.Snapshot
	for _, h := range f.snapshots {
		if env == "" || h.Environment == env {
			out = append(out, h.Snapshot)
		}
	}
	slices.SortFunc(out, snapshot.Newest)
	return out, nil
}

// Remove implements snapshot.Store.
func (f *Fake) Remove(ctx context.Context, id string) error {
	if err := f.begin(ctx, "Remove"); err != nil {
		return err
	}
	defer f.mu.Unlock()
	for _, open := range f.open {
		if open == id {
			return snapshot.Busy(id)
		}
	}
	delete(f.snapshots, id)
	return nil
}

// Open implements snapshot.Store.
func (f *Fake) Open(ctx context.Context, id string) (dir string, closed func() error, err error) {
	if err := f.begin(ctx, "Open"); err != nil {
		return "", nil, err
	}
	defer f.mu.Unlock()
	h, err := f.find(id)
	if err != nil {
		return "", nil, err
	}
	if open := f.open[h.Environment]; open != "" {
		return "", nil, snapshot.Busy(open)
	}
	dir = filepath.Join(f.dir, string(h.Environment))
	for _, p := range h.Parts {
		for name, content := range h.data[p.Name] {
			file := filepath.Join(dir, filepath.FromSlash(p.Dir), filepath.FromSlash(name))
			if err := os.MkdirAll(filepath.Dir(file), 0o750); err != nil {
				return "", nil, err
			}
			if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
				return "", nil, err
			}
		}
	}
	f.open[h.Environment] = id
	return dir, func() error {
		f.mu.Lock()
		defer f.mu.Unlock()
		delete(f.open, h.Environment)
		return os.RemoveAll(dir)
	}, nil
}

// Usage implements snapshot.Store.
func (f *Fake) Usage(ctx context.Context, env platform.EnvironmentID) (snapshot.Usage, error) {
	if err := f.begin(ctx, "Usage"); err != nil {
		return snapshot.Usage{}, err
	}
	defer f.mu.Unlock()
	u := snapshot.Usage{Snapshots: map[string]snapshot.Size{}, Free: 1 << 40, Total: 1 << 41}
	for _, p := range f.data[env].parts() {
		u.Parts = append(u.Parts, p)
		u.Data.Bytes += p.Bytes
		u.Data.Files += p.Files
	}
	u.Disk = u.Data.Bytes
	for id, h := range f.snapshots {
		if h.Environment == env {
			u.Snapshots[id] = h.Size()
			u.Disk += h.Size().Bytes
		}
	}
	u.Own = u.Disk
	return u, nil
}

// Recover implements snapshot.Store.
func (f *Fake) Recover(ctx context.Context) error {
	if err := f.begin(ctx, "Recover"); err != nil {
		return err
	}
	defer f.mu.Unlock()
	clear(f.open)
	return nil
}

// begin locks the store unless the call has to fail.
func (f *Fake) begin(ctx context.Context, method string) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if f.Fail != nil {
		if err := f.Fail(method); err != nil {
			return err
		}
	}
	f.mu.Lock()
	return nil
}

// keep adds a snapshot.
func (f *Fake) keep(s snapshot.Snapshot, data Data) snapshot.Snapshot {
	s.ID, s.Taken, s.Parts = platform.NewID(), time.Now(), data.parts()
	f.snapshots[s.ID] = held{s, data}
	return s
}

func (f *Fake) find(id string) (held, error) {
	h, ok := f.snapshots[id]
	if !ok {
		return held{}, snapshot.NotFound(id)
	}
	return h, nil
}

func (d Data) clone() Data {
	out := Data{}
	for name, files := range d {
		out[name] = maps.Clone(files)
	}
	return out
}

func (d Data) parts() []snapshot.Part {
	var out []snapshot.Part
	for _, name := range slices.Sorted(maps.Keys(d)) {
		p := snapshot.Part{Name: name}
		if service, ok := p.Service(); ok {
			p.Dir = "services/" + service
		} else if app, source, ok := p.Mount(); ok {
			p.Dir = "volumes/@" + app + "/" + snapshot.SourceName(source)
		}
		for _, content := range d[name] {
			p.Bytes += int64(len(content))
			p.Files++
		}
		out = append(out, p)
	}
	return out
}
