package files_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"sluice/internal/platform"
	"sluice/internal/snapshot"
	"sluice/internal/snapshot/files"
)

// crash is what a test panics with in the place of a process that dies.
type crash struct{}

// crashing runs what is to die at the n-th time that it comes to step; died is false when
// it did not come there.
func crashing(t *testing.T, dir string, c *containers, step files.Step, n int, run func(s *files.Store)) (died bool) {
	t.Helper()
	s := open(t, dir, c, func(config *files.Config) {
		config.OnStep = func(at files.Step) {
			if at == step {
				if n--; n == 0 {
					panic(crash{})
				}
			}
		}
	})
	defer func() {
		if r := recover(); r != nil {
			if _, ok := r.(crash); !ok {
				panic(r)
			}
			died = true
		}
	}()
	run(s)
	return false
}

// leftovers lists what is below snapshots/ and is not a snapshot.
func leftovers(t *testing.T, dir string) (out []string) {
	t.Helper()
	entries, err := os.ReadDir(filepath.Join(dir, "snapshots"))
	do(t, err)
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), ".") {
			out = append(out, e.Name())
		}
	}
	return out
}

func TestTakeThatDied(t *testing.T) {
	for _, step := range []files.Step{files.StepTakeBegun, files.StepTakeFrozen, files.StepTakeCopied, files.StepTakeRecorded} {
		t.Run(string(step), func(t *testing.T) {
			dir := t.TempDir()
			write(t, filepath.Join(where(dir, env, snapshot.ServicePart("mysql")), "ibdata1"), "one")
			c := &containers{running: []string{"mysql"}}
			if !crashing(t, dir, c, step, 1, func(s *files.Store) {
				_, _ = s.Take(t.Context(), snapshot.Request{Environment: env}, io.Discard)
			}) {
				t.Fatal("Take did not come to this step")
			}
			s := open(t, dir, c, nil)
			do(t, s.Recover(t.Context()))
			if got := leftovers(t, dir); len(got) > 0 {
				t.Errorf("left over: %v", got)
			}
			if list, err := s.List(t.Context(), ""); err != nil || len(list) > 0 {
				t.Errorf("List: got %v and error %v, want none", list, err)
			}
			_, err := s.Take(t.Context(), snapshot.Request{Environment: env}, io.Discard)
			do(t, err)
		})
	}
}

// TestPlantThatDied: at each step, and again in what Recover does about it, all of the old
// data or all of the new is there, and the snapshot is whole or used up.
func TestPlantThatDied(t *testing.T) {
	for _, consume := range []bool{false, true} {
		t.Run(fmt.Sprintf("consume=%t", consume), func(t *testing.T) { plantThatDied(t, consume) })
	}
}

func plantThatDied(t *testing.T, consume bool) {
	t.Helper()
	kept := 2 // the snapshot, and what was there before
	if consume {
		kept = 1
	}
	database, media, cache := snapshot.ServicePart("mysql"), snapshot.MountPart("app", "pub/media"), snapshot.ServicePart("redis")
	for _, step := range []files.Step{files.StepPlantCopied, files.StepPlantPlanned, files.StepPlantMoved, files.StepPlantKept} {
		for n := 1; ; n++ {
			dir := t.TempDir()
			c := &containers{}
			s := open(t, dir, c, nil)
			write(t, filepath.Join(where(dir, env, database), "ibdata1"), "one")
			write(t, filepath.Join(where(dir, env, media), "a.jpg"), "one")
			taken, err := s.Take(t.Context(), snapshot.Request{Environment: env}, io.Discard)
			do(t, err)
			for part, file := range map[string]string{database: "ibdata1", media: "a.jpg", cache: "dump.rdb"} {
				write(t, filepath.Join(where(dir, env, part), file), "two")
			}
			crashed := crashing(t, dir, c, step, n, func(s *files.Store) {
				_, _ = s.Plant(t.Context(), snapshot.PlantRequest{Snapshot: taken.ID, Environment: env, Consume: consume}, io.Discard)
			})
			if n == 1 && !crashed {
				t.Errorf("Plant did not come to %s", step)
			}
			if !crashed {
				break
			}
			crashing(t, dir, c, step, 1, func(s *files.Store) { _ = s.Recover(t.Context()) })
			s = open(t, dir, c, nil)
			do(t, s.Recover(t.Context()))
			wantNoLeftovers(t, dir)
			list, err := s.List(t.Context(), env)
			do(t, err)
			if step == files.StepPlantCopied {
				wantData(t, dir, "two", map[string]string{database: "ibdata1", media: "a.jpg", cache: "dump.rdb"})
				wantOnly(t, list, taken.ID)
				continue
			}
			wantData(t, dir, "one", map[string]string{database: "ibdata1", media: "a.jpg"})
			if len(list) != kept || list[0].Method != snapshot.MethodMoved || len(list[0].Parts) != 3 {
				t.Fatalf("%s %d: snapshots: got %+v", step, n, list)
			}
			_, err = s.Plant(t.Context(), snapshot.PlantRequest{Snapshot: list[0].ID, Environment: env}, io.Discard)
			do(t, err)
			wantData(t, dir, "two", map[string]string{database: "ibdata1", media: "a.jpg", cache: "dump.rdb"})
		}
	}
}

func wantNoLeftovers(t *testing.T, dir string) {
	t.Helper()
	if got := leftovers(t, dir); len(got) > 0 {
		t.Errorf("left over: %v", got)
	}
}

func wantOnly(t *testing.T, list []snapshot.Snapshot, id string) {
	t.Helper()
	if len(list) != 1 || list[0].ID != id {
		t.Errorf("snapshots: got %+v, want the one that was taken", list)
	}
}

// wantData compares the only files of the environment's parts, and that it has no others.
func wantData(t *testing.T, dir, content string, parts map[string]string) {
	t.Helper()
	for part, file := range parts {
		if got, err := os.ReadFile(filepath.Join(where(dir, env, part), file)); err != nil || string(got) != content {
			t.Errorf("%s: got %q and error %v, want %q", part, got, err, content)
		}
	}
	have, err := filepath.Glob(filepath.Join(dir, "*", string(env), "*"))
	do(t, err)
	if len(have) != len(parts) {
		t.Errorf("the environment has %v, want %d parts", have, len(parts))
	}
}

// TestContainersGoOn whatever happens while they stand still.
func TestContainersGoOn(t *testing.T) {
	for name, test := range map[string]struct {
		prepare func(c *containers, cancel context.CancelCauseFunc, config *files.Config)
		want    string
		code    platform.Code
	}{
		"the activity is cancelled": {
			prepare: func(c *containers, cancel context.CancelCauseFunc, _ *files.Config) {
				c.frozen = func() { cancel(errors.New("cancelled by a test")) }
			},
			want: "hold freeze thaw end", code: platform.CodeInternal,
		},
		"the time is up": {
			prepare: func(c *containers, _ context.CancelCauseFunc, config *files.Config) {
				config.Limit = 20 * time.Millisecond
				c.frozen = func() { time.Sleep(config.Limit) }
			},
			want: "hold freeze thaw end", code: platform.CodeUnavailable,
		},
		"the first thaw fails": {
			prepare: func(c *containers, _ context.CancelCauseFunc, _ *files.Config) { c.thaws = []error{errors.New("no")} },
			want:    "hold freeze thaw thaw end",
		},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			write(t, filepath.Join(where(dir, env, snapshot.ServicePart("mysql")), "ibdata1"), "one")
			c := &containers{running: []string{"mysql"}}
			ctx, cancel := context.WithCancelCause(t.Context())
			defer cancel(nil)
			s := open(t, dir, c, func(config *files.Config) { test.prepare(c, cancel, config) })
			_, err := s.Take(ctx, snapshot.Request{Environment: env}, io.Discard)
			if platform.ErrorCode(err) != test.code {
				t.Errorf("Take: got error %v, want the code %q", err, test.code)
			}
			if got := strings.Join(c.events, " "); got != test.want {
				t.Errorf("got the calls %q, want %q", got, test.want)
			}
			if got := leftovers(t, dir); len(got) > 0 {
				t.Errorf("left over: %v", got)
			}
		})
	}
}

// TestOneAtATime: a second Take or a Plant of the same environment is refused at once, and
// the first goes on.
func TestOneAtATime(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(where(dir, env, snapshot.ServicePart("mysql")), "ibdata1"), "one")
	c := &containers{running: []string{"mysql"}}
	s := open(t, dir, c, nil)
	c.frozen = func() {
		_, err := s.Take(t.Context(), snapshot.Request{Environment: env}, io.Discard)
		if platform.ErrorCode(err) != platform.CodeConflict {
			t.Errorf("a second Take: got error %v, want a conflict", err)
		}
		_, err = s.Plant(t.Context(), snapshot.PlantRequest{Environment: env}, io.Discard)
		if platform.ErrorCode(err) != platform.CodeConflict {
			t.Errorf("Plant during Take: got error %v, want a conflict", err)
		}
	}
	_, err := s.Take(t.Context(), snapshot.Request{Environment: env}, io.Discard)
	do(t, err)
}

// TestNothingIsFollowed: an application replaces directories of its mount by links while
// the mount is passed over. What they lead to is not in the snapshot.
func TestNothingIsFollowed(t *testing.T) {
	dir := t.TempDir()
	media := where(dir, env, snapshot.MountPart("app", "var"))
	secret := t.TempDir()
	write(t, filepath.Join(secret, "key"), "secret")
	for _, name := range []string{"a", "b", "c"} {
		write(t, filepath.Join(media, name, "key"), "harmless")
	}
	stop, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		for {
			select {
			case <-stop:
				return
			default:
			}
			for _, name := range []string{"a", "b", "c"} {
				_ = os.Rename(filepath.Join(media, name), filepath.Join(media, ".away"))
				_ = os.Symlink(secret, filepath.Join(media, name))
				_ = os.Remove(filepath.Join(media, name))
				_ = os.Rename(filepath.Join(media, ".away"), filepath.Join(media, name))
			}
		}
	}()
	s := open(t, dir, &containers{running: []string{"app"}}, nil)
	for range 30 {
		taken, err := s.Take(t.Context(), snapshot.Request{Environment: env}, io.Discard)
		do(t, err)
		found, err := filepath.Glob(filepath.Join(dir, "snapshots", taken.ID, "data", "volumes", "@app", "*", "*", "key"))
		do(t, err)
		for _, file := range found {
			if info, err := os.Lstat(filepath.Dir(file)); err != nil || !info.IsDir() {
				continue // the link itself
			}
			if got, err := os.ReadFile(file); err != nil || string(got) != "harmless" {
				t.Fatalf("%s: got %q and error %v", file, got, err)
			}
		}
		do(t, s.Remove(t.Context(), taken.ID))
	}
	close(stop)
	<-done
}

// TestDataThatIsNotMounted: what is not there must not pass for empty.
func TestDataThatIsNotMounted(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir, &containers{}, nil)
	do(t, os.Symlink("pool/data/services", filepath.Join(dir, "services")))
	_, err := s.Take(t.Context(), snapshot.Request{Environment: env}, io.Discard)
	if platform.ErrorCode(err) != platform.CodeUnavailable || !strings.Contains(err.Error(), "not mounted") {
		t.Errorf("Take: got error %v, want one that says what is not mounted", err)
	}
	if _, err := files.New(files.Config{DataDir: dir}); platform.ErrorCode(err) != platform.CodeUnavailable {
		t.Errorf("New: got error %v", err)
	}
}
