package snapshottest

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"sluice/internal/platform"
	"sluice/internal/snapshot"
)

// Harness is a store and what the suite does to the environments behind it.
type Harness struct {
	Store snapshot.Store
	// Write and Read do what an environment's containers would.
	Write func(env platform.EnvironmentID, part, file, content string)
	Read  func(env platform.EnvironmentID, part, file string) (content string, ok bool)
	// Reopen returns the store as another process sees it, before Recover.
	Reopen func() snapshot.Store
}

const (
	parent = platform.EnvironmentID("shop-main-abc")
	child  = platform.EnvironmentID("shop-try-def")
)

// Run runs the suite; open returns a harness without any data.
func Run(t *testing.T, open func(t *testing.T) Harness) {
	t.Helper()
	for _, test := range []struct {
		name string
		run  func(e *env)
	}{
		{"Take holds what was there at its moment", testTake},
		{"Plant puts a snapshot into another environment", testPlant},
		{"Plant uses a snapshot up on request", testPlantConsumes},
		{"Plant keeps what was there before, and puts it back", testPlantBack},
		{"Plant leaves parts alone that were not asked for", testParts},
		{"a snapshot that does not exist is not found", testUnknown},
		{"Open shows the files at one path for all snapshots", testOpen},
		{"Remove leaves what is open", testRemove},
		{"snapshots survive the process", testReopen},
		{"Receive takes in what comes from elsewhere", testReceive},
		{"Usage counts files of the data and of each snapshot", testUsage},
	} {
		t.Run(test.name, func(t *testing.T) { test.run(&env{T: t, Harness: open(t)}) })
	}
}

type env struct {
	*testing.T
	Harness
}

var (
	database = snapshot.ServicePart("mysql")          //nolint:gochecknoglobals // names
	media    = snapshot.MountPart("app", "pub/media") //nolint:gochecknoglobals // names
)

func (e *env) fill(content string) {
	e.Write(parent, database, "ibdata1", content)
	e.Write(parent, media, "a/b.jpg", content+content)
}

func (e *env) take() snapshot.Snapshot {
	e.Helper()
	s, err := e.Store.Take(e.Context(), snapshot.Request{Environment: parent, Reason: "a test", Release: "r1"}, io.Discard)
	if err != nil {
		e.Fatalf("Take: %v", err)
	}
	return s
}

func (e *env) plant(req snapshot.PlantRequest) snapshot.Snapshot {
	e.Helper()
	s, err := e.Store.Plant(e.Context(), req, io.Discard)
	if err != nil {
		e.Fatalf("Plant: %v", err)
	}
	return s
}

func (e *env) want(id platform.EnvironmentID, part, file, content string) {
	e.Helper()
	if got, ok := e.Read(id, part, file); !ok || got != content {
		e.Errorf("%s of %s in %s: got %q (exists: %v), want %q", file, part, id, got, ok, content)
	}
}

func (e *env) wantNone(id platform.EnvironmentID, part, file string) {
	e.Helper()
	if got, ok := e.Read(id, part, file); ok {
		e.Errorf("%s of %s in %s: got %q, want no such file", file, part, id, got)
	}
}

func (e *env) wantCode(what string, err error, code platform.Code) {
	e.Helper()
	if platform.ErrorCode(err) != code {
		e.Errorf("%s: got error %v, want the code %s", what, err, code)
	}
}

func (e *env) ids(id platform.EnvironmentID) (out []string) {
	e.Helper()
	list, err := e.Store.List(e.Context(), id)
	if err != nil {
		e.Fatalf("List: %v", err)
	}
	for _, s := range list {
		out = append(out, s.ID)
	}
	return out
}

func testTake(e *env) {
	e.fill("one")
	s := e.take()
	if s.Environment != parent || s.Reason != "a test" || s.Release != "r1" || s.Method == "" || s.Taken.IsZero() {
		e.Errorf("Take returned %+v", s)
	}
	if len(s.Parts) != 2 || s.Parts[0].Name != media || s.Parts[1].Name != database {
		e.Fatalf("parts: got %+v, want %s and %s", s.Parts, media, database)
	}
	if got, want := s.Size(), (snapshot.Size{Bytes: 9, Files: 2}); got != want {
		e.Errorf("Size: got %+v, want %+v", got, want)
	}
	e.Write(parent, database, "ibdata1", "two, and longer")
	e.Write(parent, media, "new.jpg", "new")
	e.plant(snapshot.PlantRequest{Snapshot: s.ID, Environment: child})
	e.want(child, database, "ibdata1", "one")
	e.wantNone(child, media, "new.jpg")
	got, err := e.Store.Snapshot(e.Context(), s.ID)
	if err != nil || got.ID != s.ID || !got.Taken.Equal(s.Taken) || got.Size() != s.Size() {
		e.Errorf("Snapshot: got %+v and error %v, want %+v", got, err, s)
	}
}

func testPlant(e *env) {
	e.fill("one")
	s := e.take()
	if before := e.plant(snapshot.PlantRequest{Snapshot: s.ID, Environment: child}); before.ID != "" {
		e.Errorf("Plant where nothing was: got the snapshot %+v of before, want none", before)
	}
	e.want(child, database, "ibdata1", "one")
	e.want(child, media, "a/b.jpg", "oneone")
	e.Write(child, database, "ibdata1", "child")
	e.want(parent, database, "ibdata1", "one")
	e.plant(snapshot.PlantRequest{Snapshot: s.ID, Environment: child, Reason: "again"})
	e.want(child, database, "ibdata1", "one")
}

// testPlantConsumes: what is used up is gone, and what is open is not used up.
func testPlantConsumes(e *env) {
	e.fill("one")
	s := e.take()
	_, closed, err := e.Store.Open(e.Context(), s.ID)
	if err != nil {
		e.Fatal(err)
	}
	e.plant(snapshot.PlantRequest{Snapshot: s.ID, Environment: child, Consume: true})
	e.want(child, media, "a/b.jpg", "oneone")
	if got := e.ids(parent); len(got) != 1 {
		e.Errorf("List while the snapshot is read: got %v, want it", got)
	}
	if err := closed(); err != nil {
		e.Fatal(err)
	}
	e.Write(child, database, "ibdata1", "child")
	before := e.plant(snapshot.PlantRequest{Snapshot: s.ID, Environment: child, Parts: []string{database}, Consume: true, Reason: "again"})
	e.want(child, database, "ibdata1", "one")
	e.want(child, media, "a/b.jpg", "oneone")
	e.want(parent, database, "ibdata1", "one")
	if got := e.ids(parent); len(got) != 0 {
		e.Errorf("List: got %v, want none", got)
	}
	e.plant(snapshot.PlantRequest{Snapshot: before.ID, Environment: child, Parts: []string{database}, Consume: true})
	e.want(child, database, "ibdata1", "child")
}

func testPlantBack(e *env) {
	e.fill("one")
	s := e.take()
	e.Write(parent, database, "ibdata1", "two")
	e.Write(parent, snapshot.ServicePart("redis"), "dump.rdb", "new service")
	before := e.plant(snapshot.PlantRequest{Snapshot: s.ID, Environment: parent, Reason: "before rollback"})
	if before.ID == "" || before.Method != snapshot.MethodMoved || before.Environment != parent || before.Reason != "before rollback" {
		e.Fatalf("Plant returned %+v for what was there before", before)
	}
	e.want(parent, database, "ibdata1", "one")
	e.wantNone(parent, snapshot.ServicePart("redis"), "dump.rdb")
	if got := e.ids(parent); len(got) != 2 || got[0] != before.ID || got[1] != s.ID {
		e.Errorf("List: got %v, want %v", got, []string{before.ID, s.ID})
	}
	e.plant(snapshot.PlantRequest{Snapshot: before.ID, Environment: parent})
	e.want(parent, database, "ibdata1", "two")
	e.want(parent, snapshot.ServicePart("redis"), "dump.rdb", "new service")
}

func testParts(e *env) {
	e.fill("one")
	s := e.take()
	e.fill("two")
	_, err := e.Store.Plant(e.Context(), snapshot.PlantRequest{Snapshot: s.ID, Environment: parent, Parts: []string{database, "service:none"}}, io.Discard)
	e.wantCode("Plant of a part that the snapshot lacks", err, platform.CodeInvalid)
	e.want(parent, database, "ibdata1", "two")
	before := e.plant(snapshot.PlantRequest{Snapshot: s.ID, Environment: parent, Parts: []string{database}})
	e.want(parent, database, "ibdata1", "one")
	e.want(parent, media, "a/b.jpg", "twotwo")
	if len(before.Parts) != 1 || before.Parts[0].Name != database {
		e.Errorf("what was there before has the parts %+v, want %s", before.Parts, database)
	}
}

func testUnknown(e *env) {
	for _, id := range []string{"", "nosuchsnapshot", "../services", strings.Repeat("x", 300), "a\x00b"} {
		_, err := e.Store.Snapshot(e.Context(), id)
		e.wantCode("Snapshot", err, platform.CodeNotFound)
		_, err = e.Store.Plant(e.Context(), snapshot.PlantRequest{Snapshot: id, Environment: child}, io.Discard)
		e.wantCode("Plant", err, platform.CodeNotFound)
		_, _, err = e.Store.Open(e.Context(), id)
		e.wantCode("Open", err, platform.CodeNotFound)
		if err := e.Store.Remove(e.Context(), id); err != nil {
			e.Errorf("Remove of %q: %v", id, err)
		}
	}
	if got := e.ids(""); len(got) != 0 {
		e.Errorf("List: got %v, want none", got)
	}
}

func testOpen(e *env) {
	e.fill("one")
	first := e.take()
	e.fill("two")
	second := e.take()
	dir := e.opened(first, "one")
	if again := e.opened(second, "two"); again != dir {
		e.Errorf("the second snapshot was at %s, the first at %s", again, dir)
	}
}

// opened opens a snapshot, compares the database's file and closes the snapshot again.
func (e *env) opened(s snapshot.Snapshot, content string) (dir string) {
	e.Helper()
	dir, closed, err := e.Store.Open(e.Context(), s.ID)
	if err != nil {
		e.Fatalf("Open: %v", err)
	}
	p, _ := s.Part(database)
	got, err := os.ReadFile(filepath.Join(dir, filepath.FromSlash(p.Dir), "ibdata1")) //nolint:gosec // the store's own path
	if err != nil || string(got) != content {
		e.Errorf("the file in the snapshot: got %q and error %v, want %q", got, err, content)
	}
	_, _, err = e.Store.Open(e.Context(), s.ID)
	e.wantCode("Open while one is open", err, platform.CodeConflict)
	if err := closed(); err != nil {
		e.Errorf("close: %v", err)
	}
	return dir
}

func testRemove(e *env) {
	e.fill("one")
	s := e.take()
	_, closed, err := e.Store.Open(e.Context(), s.ID)
	if err != nil {
		e.Fatalf("Open: %v", err)
	}
	e.wantCode("Remove while it is open", e.Store.Remove(e.Context(), s.ID), platform.CodeConflict)
	if err := closed(); err != nil {
		e.Errorf("close: %v", err)
	}
	for range 2 {
		if err := e.Store.Remove(e.Context(), s.ID); err != nil {
			e.Errorf("Remove: %v", err)
		}
	}
	if got := e.ids(parent); len(got) != 0 {
		e.Errorf("List: got %v, want none", got)
	}
	e.want(parent, database, "ibdata1", "one")
}

func testReopen(e *env) {
	e.fill("one")
	s := e.take()
	if _, _, err := e.Store.Open(e.Context(), s.ID); err != nil {
		e.Fatalf("Open: %v", err)
	}
	e.Store = e.Reopen()
	if err := e.Store.Recover(e.Context()); err != nil {
		e.Fatalf("Recover: %v", err)
	}
	if got := e.ids(""); len(got) != 1 || got[0] != s.ID {
		e.Errorf("List: got %v, want %s", got, s.ID)
	}
	e.opened(s, "one") // was closed by Recover
	e.want(parent, database, "ibdata1", "one")
}

func testReceive(e *env) {
	r, ok := e.Store.(snapshot.Receiver)
	if !ok {
		e.Skip("the store receives nothing")
	}
	req := snapshot.Request{Environment: parent, Reason: "fetched"}
	_, err := r.Receive(e.Context(), req, func(context.Context, string) error { return errReceive }, io.Discard)
	if !errors.Is(err, errReceive) || len(e.ids("")) != 0 {
		e.Errorf("Receive of nothing: got error %v and the snapshots %v", err, e.ids(""))
	}
	s, err := r.Receive(e.Context(), req, func(_ context.Context, dir string) error {
		for name, content := range map[string]string{
			"services/mysql/ibdata1": "one", "volumes/@app/" + snapshot.SourceName("pub/media") + "/a/b.jpg": "oneone",
		} {
			file := filepath.Join(dir, filepath.FromSlash(name))
			if err := errors.Join(os.MkdirAll(filepath.Dir(file), 0o750), os.WriteFile(file, []byte(content), 0o600)); err != nil {
				return err
			}
		}
		return nil
	}, io.Discard)
	if err != nil || s.Reason != "fetched" || s.Size() != (snapshot.Size{Bytes: 9, Files: 2}) {
		e.Fatalf("Receive: got %+v and error %v", s, err)
	}
	e.plant(snapshot.PlantRequest{Snapshot: s.ID, Environment: child})
	e.want(child, database, "ibdata1", "one")
	e.want(child, media, "a/b.jpg", "oneone")
}

var errReceive = errors.New("nothing came")

func testUsage(e *env) {
	e.fill("one")
	s := e.take()
	u, err := e.Store.Usage(e.Context(), parent)
	if err != nil {
		e.Fatalf("Usage: %v", err)
	}
	if want := (snapshot.Size{Bytes: 9, Files: 2}); u.Data != want || len(u.Snapshots) != 1 || u.Snapshots[s.ID] != want {
		e.Errorf("Usage: got %+v, want %+v for both", u, want)
	}
	if len(u.Parts) != 2 || u.Parts[0].Name > u.Parts[1].Name || u.Parts[0].Bytes+u.Parts[1].Bytes != u.Data.Bytes {
		e.Errorf("Usage: parts %+v, want both, sorted, that add up", u.Parts)
	}
	if u.Disk <= 0 || u.Own > u.Disk || u.Free <= 0 || u.Total < u.Free {
		e.Errorf("Usage: got %+v", u)
	}
	if u, err := e.Store.Usage(e.Context(), child); err != nil || u.Data != (snapshot.Size{}) || len(u.Snapshots) != 0 {
		e.Errorf("Usage of an environment without data: got %+v and error %v", u, err)
	}
}
