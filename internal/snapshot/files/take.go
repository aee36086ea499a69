package files

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"sluice/internal/platform"
	"sluice/internal/snapshot"
)

const (
	quickPass = 200 * time.Millisecond // a pass over running containers that took longer is followed by another
	maxPasses = 3
	hotBytes  = 128 << 20 // from which size on a service is copied by a tool of its own, where it has one
)

// Take implements snapshot.Store.
func (s *Store) Take(ctx context.Context, req snapshot.Request, log io.Writer) (snapshot.Snapshot, error) {
	var none snapshot.Snapshot
	unlock, err := s.lock(req.Environment)
	if err != nil {
		return none, err
	}
	defer unlock()
	if half, err := s.exists(plantDir(req.Environment)); err != nil || half {
		return none, errors.Join(err, platform.Errorf(platform.CodeConflict, "the data of %s is half replaced; no snapshot was taken", req.Environment).
			WithHint("restart sluiced, which finishes it"))
	}
	data, err := s.dataOf(req.Environment)
	if err != nil {
		return none, err
	}
	if err := s.room(ctx, data, "snapshotted"); err != nil {
		return none, err
	}
	t := newTaking(s, req, data, log)
	out, err := t.run(ctx)
	if err != nil {
		return none, errors.Join(err, s.root.RemoveAll(t.dir))
	}
	return out, nil
}

// taking is one Take.
type taking struct {
	*Store
	req    snapshot.Request
	data   []source
	log    io.Writer
	id     string
	dir    string               // where it is made
	passed map[string]time.Time // when the last pass over a part began
	tooled map[string]bool      // parts that were copied by a tool of their service
	copied bool
}

func newTaking(s *Store, req snapshot.Request, data []source, log io.Writer) *taking {
	id := platform.NewID()
	return &taking{
		Store: s, req: req, data: data, log: log, id: id, dir: path.Join(snapshotsDir, newPrefix+id),
		passed: map[string]time.Time{}, tooled: map[string]bool{},
	}
}

func (t *taking) run(ctx context.Context) (snapshot.Snapshot, error) {
	out := t.begin()
	if err := t.root.MkdirAll(path.Join(t.dir, dataDir), 0o700); err != nil {
		return out, err
	}
	t.OnStep(StepTakeBegun)
	running, err := t.Running(ctx, t.req.Environment)
	if err != nil {
		return out, err
	}
	if len(running) == 0 {
		out.Taken = time.Now()
		err = t.pass(ctx, t.data)
	} else {
		out.Taken, out.Standstill, err = t.live(ctx, running)
	}
	if err != nil {
		return out, err
	}
	t.OnStep(StepTakeCopied)
	out.Method = snapshot.MethodCopy
	if t.shared && !t.copied {
		out.Method = snapshot.MethodShared
	}
	for _, d := range t.data {
		out.Parts = append(out.Parts, d.Part)
	}
	if err := t.complete(out); err != nil {
		return out, err
	}
	size := out.Size()
	t.say("snapshot %s: %s in %d files, %s; standstill %s", out.ID, platform.Megabytes(size.Bytes), size.Files, methodText(out.Method), out.Standstill.Round(time.Millisecond))
	return out, nil
}

func (t *taking) begin() snapshot.Snapshot {
	return snapshot.Snapshot{ID: t.id, Environment: t.req.Environment, Reason: t.req.Reason, Release: t.req.Release}
}

// complete makes what lies in the directory durable and a snapshot.
func (t *taking) complete(s snapshot.Snapshot) error {
	if err := t.flush(); err != nil {
		return err
	}
	if err := t.save(path.Join(t.dir, recordFile), s); err != nil {
		return err
	}
	t.OnStep(StepTakeRecorded)
	if err := t.root.Rename(t.dir, home(t.id)); err != nil {
		return err
	}
	return t.sync(snapshotsDir)
}

// live takes the data of containers that run.
func (t *taking) live(ctx context.Context, running []string) (moment time.Time, standstill time.Duration, err error) {
	if t.Freezer == nil {
		return moment, 0, platform.Errorf(platform.CodeConflict, "%s run, and the engine cannot hold them still; no snapshot was taken", strings.Join(running, ", ")).
			WithHint("pause the environment first: sluice environment:pause")
	}
	if err := t.beside(ctx); err != nil {
		return moment, 0, err
	}
	standstill, err = t.still(ctx, t.req, t.log, func(ctx context.Context) error {
		moment = time.Now()
		t.OnStep(StepTakeFrozen)
		return t.pass(ctx, t.cold())
	})
	return moment, standstill, err
}

// beside copies what it can while containers run, so that little is left for the moment in
// which they stand still.
func (t *taking) beside(ctx context.Context) error {
	var parts, large []source
	for _, d := range t.data {
		_, service := d.Service()
		switch {
		case service && t.shared: // sharing the few files of a service takes no time worth saving
		case service && t.Hot != nil && d.Bytes >= hotBytes:
			large = append(large, d)
		default:
			parts = append(parts, d)
		}
	}
	if err := t.passes(ctx, parts); err != nil {
		return err
	}
	// What a tool copies is as of its end, so nothing comes between that and the standstill.
	for _, d := range large {
		if err := t.byTool(ctx, d); err != nil {
			return err
		}
	}
	return nil
}

// passes passes over parts until a pass is quick.
func (t *taking) passes(ctx context.Context, parts []source) error {
	for n := 1; n <= maxPasses && len(parts) > 0; n++ {
		began := time.Now()
		if err := t.pass(ctx, parts); err != nil {
			return err
		}
		took := time.Since(began)
		t.say("pass %d beside running containers: %s", n, took.Round(time.Millisecond))
		if took < quickPass {
			break
		}
	}
	return nil
}

// byTool has a service copied by a tool of its own, and passes over it when there is none.
func (t *taking) byTool(ctx context.Context, d source) error {
	service, _ := d.Service()
	name := path.Join(copyDir, t.id)
	began := time.Now()
	done, err := t.Hot.Copy(ctx, t.req.Environment, service, name, t.log)
	if err == nil && done {
		return errors.Join(t.adopt(ctx, d, name, time.Since(began)), t.root.RemoveAll(path.Join(d.at, copyDir)))
	}
	if ctx.Err() != nil {
		return errors.Join(context.Cause(ctx), t.root.RemoveAll(path.Join(d.at, copyDir)))
	}
	if err != nil {
		t.say("%s could not be copied by its own tool, and has to stand still: %v", service, err)
	}
	if err := t.root.RemoveAll(path.Join(d.at, copyDir)); err != nil {
		return err
	}
	return t.passes(ctx, []source{d})
}

// adopt makes the copy that a tool made a part of the snapshot.
func (t *taking) adopt(ctx context.Context, d source, name string, took time.Duration) error {
	to := path.Join(t.dir, dataDir, d.Dir)
	if err := t.root.MkdirAll(path.Dir(to), 0o700); err != nil {
		return err
	}
	if err := t.root.Rename(path.Join(d.at, name), to); err != nil {
		return err
	}
	if info, err := t.root.Lstat(to); err != nil || !info.IsDir() {
		return errors.Join(fmt.Errorf("the copy of %s is not a directory", d.Name), err)
	}
	if err := errors.Join(t.likeOriginal(d.at, to), t.copyMarker(d.at, to)); err != nil {
		return err
	}
	m, err := t.measure(ctx, to)
	if err != nil {
		return err
	}
	t.note(d.Name, m.Size)
	t.tooled[d.Name], t.copied = true, true
	t.say("%s was copied by its own tool in %s, and did not stand still for it", d.Name, took.Round(time.Millisecond))
	return nil
}

// maxMarker is how much of a marker is copied, in bytes.
const maxMarker = 4 << 10

// openBoth opens a directory and its copy.
func (t *taking) openBoth(from, to string) (src, dst *os.File, err error) {
	if src, err = t.root.Open(from); err != nil {
		return nil, nil, err
	}
	if dst, err = t.root.Open(to); err != nil {
		return nil, nil, errors.Join(err, src.Close())
	}
	return src, dst, nil
}

// copyMarker copies what says of which version the data is, which no tool of a service knows.
// The service may have put anything in its place, which is not followed.
func (t *taking) copyMarker(from, to string) error {
	src, dst, err := t.openBoth(from, to)
	if err != nil {
		return err
	}
	defer src.Close() //nolint:errcheck // opened for reading
	defer dst.Close() //nolint:errcheck // a directory
	marker, err := open(fd(src), platform.DataMarker, fileFlags, 0)
	if err != nil {
		return nil // there is none
	}
	defer marker.Close() //nolint:errcheck // opened for reading
	if info, err := marker.Stat(); err != nil || !info.Mode().IsRegular() {
		return nil // nor is this one
	}
	made, err := open(fd(dst), platform.DataMarker, unix.O_WRONLY|unix.O_CREAT|unix.O_EXCL|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0o644)
	if err != nil {
		return err
	}
	_, err = io.Copy(made, io.LimitReader(marker, maxMarker))
	return errors.Join(err, made.Close())
}

// likeOriginal gives a directory the owner and mode of another one.
func (t *taking) likeOriginal(from, to string) error {
	src, dst, err := t.openBoth(from, to)
	if err != nil {
		return err
	}
	defer src.Close() //nolint:errcheck // opened for reading
	defer dst.Close() //nolint:errcheck // a directory
	var st unix.Stat_t
	if err := unix.Fstat(fd(src), &st); err != nil {
		return err
	}
	return metadata(fd(src), fd(dst), &st)
}

// cold lists the parts that are copied while containers stand still.
func (t *taking) cold() []source {
	return slices.DeleteFunc(slices.Clone(t.data), func(d source) bool { return t.tooled[d.Name] })
}

func (t *taking) note(part string, size snapshot.Size) {
	for i := range t.data {
		if t.data[i].Name == part {
			t.data[i].Size = size
		}
	}
}

// pass makes the snapshot's parts what the data is now, and notes their sizes.
func (t *taking) pass(ctx context.Context, data []source) error {
	for _, d := range data {
		to := path.Join(t.dir, dataDir, d.Dir)
		_, service := d.Service()
		began := time.Now()
		size, copied, err := t.copyPart(ctx, d.at, to, service, t.passed[d.Name])
		if err != nil {
			return fmt.Errorf("snapshot of %s: %w", d.Name, err)
		}
		t.passed[d.Name] = began
		t.copied = t.copied || copied
		t.note(d.Name, size)
	}
	return nil
}

// copyPart makes one directory what another one is. Both names are below the data directory
// and lead through directories of root's.
func (s *Store) copyPart(ctx context.Context, from, to string, service bool, since time.Time) (snapshot.Size, bool, error) {
	src, err := s.root.Open(from)
	if err != nil {
		return snapshot.Size{}, false, err
	}
	defer src.Close() //nolint:errcheck // opened for reading
	if err := s.root.MkdirAll(path.Dir(to), 0o700); err != nil {
		return snapshot.Size{}, false, err
	}
	if err := s.root.Mkdir(to, 0o700); err != nil && !errors.Is(err, os.ErrExist) {
		return snapshot.Size{}, false, err
	}
	dst, err := s.root.Open(to)
	if err != nil {
		return snapshot.Size{}, false, err
	}
	defer dst.Close() //nolint:errcheck // a directory
	return copyTree(ctx, src, dst, s.shared, service, since)
}

// flush makes what was written to the file system of the snapshots durable.
func (s *Store) flush() error {
	f, err := s.root.Open(snapshotsDir)
	if err != nil {
		return err
	}
	return errors.Join(unix.Syncfs(fd(f)), f.Close())
}

func (t *taking) say(format string, args ...any) { say(t.log, format, args...) }

func say(log io.Writer, format string, args ...any) { _, _ = fmt.Fprintf(log, format+"\n", args...) }

func methodText(m snapshot.Method) string {
	if m == snapshot.MethodShared {
		return "sharing blocks with the data"
	}
	return "copied"
}
