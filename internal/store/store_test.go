package store_test

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"sluice/internal/platform"
	"sluice/internal/store"
)

var noon = time.Date(2026, 5, 4, 12, 0, 0, 123456789, time.UTC)

// open opens the store in dir with a clock that moves one second per look.
func open(t *testing.T, dir string, opts ...store.Option) *store.Store {
	t.Helper()
	sealer, err := store.LoadSealer(filepath.Join(dir, "keys", "seal.key"))
	if err != nil {
		t.Fatal(err)
	}
	var mu sync.Mutex
	now := noon
	clock := func() time.Time {
		mu.Lock()
		defer mu.Unlock()
		now = now.Add(time.Second)
		return now
	}
	s, err := store.Open(t.Context(), filepath.Join(dir, "sluice.db"), sealer, append([]store.Option{store.WithClock(clock)}, opts...)...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

// shop opens a new store with the project "shop" and its environment "main".
func shop(t *testing.T, opts ...store.Option) *store.Store {
	t.Helper()
	s := open(t, t.TempDir(), opts...)
	check(t, s.SaveProject(t.Context(), platform.Project{ID: "shop", Title: "Shop", DefaultBranch: "main", Entropy: "entropy-secret"}))
	saveEnv(t, s, "main", "")
	return s
}

func saveEnv(t *testing.T, s *store.Store, name, parent string) platform.Environment {
	t.Helper()
	env, err := s.SaveEnvironment(t.Context(), platform.Environment{
		Project: "shop", Name: name, MachineName: platform.MachineName("shop", name), Parent: parent,
		Type: platform.Development, Status: platform.EnvironmentActive,
	})
	check(t, err)
	return env
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func wantCode(t *testing.T, err error, want platform.Code) {
	t.Helper()
	if got := platform.ErrorCode(err); got != want {
		t.Errorf("got error %v (code %q), want code %q", err, got, want)
	}
}

func TestRecordsSurviveAReopen(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	ctx := t.Context()
	check(t, s.SaveProject(ctx, platform.Project{ID: "shop", Title: "Shop", DefaultBranch: "main", Entropy: "e"}))
	env := saveEnv(t, s, "feature/x", "main")
	env.DeployedAt, env.Release, env.HeadCommit = noon, "r1", "abc"
	env, err := s.SaveEnvironment(ctx, env)
	check(t, err)

	release := platform.Release{
		ID: "r1", Project: "shop", Env: "feature/x", Activity: "a1", Commit: "abc", State: platform.ReleaseLive,
		Slugs:  map[string]platform.Slug{"app": {App: "app", Key: "k", Ref: "slug/app", Size: 7, BuiltAt: noon}},
		Data:   platform.DataState{"app": platform.SchemaState("d1")},
		Before: "snap1",
		Routes: []platform.Route{{URL: "https://x/", Type: platform.RouteUpstream, HSTS: platform.HSTS{Enabled: new(true)}}},
		Spec:   json.RawMessage(`{"env":{"PASSWORD":"hunter2"}}`), CreatedAt: noon, LiveAt: noon,
	}
	check(t, s.SaveRelease(ctx, release))

	activity := platform.Activity{
		ID: "a1", Type: platform.ActivityPush, Project: "shop", Environment: "feature/x", Actor: platform.Actor{ID: "jo", Name: "Jo"},
		Description: "Jo pushed", Commit: "abc", OldCommit: "def", Parameters: map[string]string{"build.force": "true"}, Step: platform.StepQueued,
	}
	_, err = s.Enqueue(ctx, activity)
	check(t, err)
	activity, _, err = s.Claim(ctx, 0)
	check(t, err)
	activity.Result, activity.State, activity.CompletedAt = platform.ResultFailure, platform.ActivityComplete, noon
	activity.Reason, activity.Hint = "no disk", "buy a disk"
	activity.Commands = []platform.CommandResult{{App: "app", Type: "deploy", ExitCode: 2, Duration: time.Second}}
	activity.Hold = platform.HoldReport{StartedAt: noon, Held: 3, LongestWait: time.Minute}
	activity.Timings = []platform.StepTiming{{Step: platform.StepBuild, Duration: time.Hour}}
	check(t, s.SaveActivity(ctx, activity))
	check(t, s.Close())

	s = open(t, dir)
	gotEnv, err := s.Environment(ctx, "shop", "feature/x")
	check(t, err)
	if diff := cmp.Diff(env, gotEnv); diff != "" {
		t.Error("environment", diff)
	}
	gotRelease, err := s.Release(ctx, "shop", "feature/x", "r1")
	check(t, err)
	if diff := cmp.Diff(release, gotRelease); diff != "" {
		t.Error("release", diff)
	}
	gotActivity, err := s.Activity(ctx, "a1")
	check(t, err)
	activity.UpdatedAt = gotActivity.UpdatedAt // set by the save
	if diff := cmp.Diff(activity, gotActivity); diff != "" {
		t.Error("activity", diff)
	}
	project, err := s.Project(ctx, "shop")
	check(t, err)
	if project.Entropy != "e" || project.CreatedAt.IsZero() {
		t.Errorf("got project %+v", project)
	}
}

func TestSecretsAreNotInTheFiles(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	ctx := t.Context()
	const secret = "correct-horse-battery-staple"
	check(t, s.SaveProject(ctx, platform.Project{ID: "shop", Entropy: secret}))
	saveEnv(t, s, "main", "")
	check(t, s.SaveVariable(ctx, "shop", platform.Variable{Name: "env:PASSWORD", Value: secret}))
	check(t, s.SaveRelease(ctx, platform.Release{ID: "r1", Project: "shop", Env: "main", Spec: json.RawMessage(`"` + secret + `"`)}))

	files, err := filepath.Glob(filepath.Join(dir, "sluice.db*"))
	check(t, err)
	for _, name := range files {
		content, err := os.ReadFile(name)
		check(t, err)
		if bytes.Contains(content, []byte(secret)) {
			t.Errorf("%s holds the secret in the clear", filepath.Base(name))
		}
		info, err := os.Stat(name)
		check(t, err)
		if info.Mode().Perm() != 0o600 {
			t.Errorf("%s has mode %v, want 0600", filepath.Base(name), info.Mode())
		}
	}
	if len(files) < 2 {
		t.Errorf("got files %q, want the database and its write-ahead log", files)
	}
}

func TestOpenRefusesAnotherKey(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	check(t, s.Close())
	key := filepath.Join(dir, "keys", "seal.key")
	info, err := os.Stat(key)
	check(t, err)
	if info.Mode().Perm() != 0o600 {
		t.Errorf("the key has mode %v, want 0600", info.Mode())
	}
	check(t, os.Remove(key))
	sealer, err := store.LoadSealer(key)
	check(t, err)
	_, err = store.Open(t.Context(), filepath.Join(dir, "sluice.db"), sealer)
	wantCode(t, err, platform.CodeInvalid)
}

func TestSealedTextIsReadWithItsKeyOnly(t *testing.T) {
	dir := t.TempDir()
	one, err := store.LoadSealer(filepath.Join(dir, "one"))
	check(t, err)
	two, err := store.LoadSealer(filepath.Join(dir, "two"))
	check(t, err)
	sealed, err := one.Seal([]byte("secret"))
	check(t, err)
	plain, err := one.Unseal(sealed)
	check(t, err)
	if string(plain) != "secret" {
		t.Errorf("got %q", plain)
	}
	if _, err := two.Unseal(sealed); err == nil {
		t.Error("another key read it")
	}
	sealed[len(sealed)-1] ^= 1
	if _, err := one.Unseal(sealed); err == nil {
		t.Error("a changed text was accepted")
	}
}

func TestMissingRecords(t *testing.T) {
	s := shop(t)
	ctx := t.Context()
	_, err := s.Project(ctx, "nope")
	wantCode(t, err, platform.CodeNotFound)
	_, err = s.Environment(ctx, "shop", "nope")
	wantCode(t, err, platform.CodeNotFound)
	_, err = s.Activity(ctx, "nope")
	wantCode(t, err, platform.CodeNotFound)
	_, err = s.Release(ctx, "shop", "main", "r9")
	wantCode(t, err, platform.CodeNotFound)
	_, err = s.TokenByHash(ctx, "nope")
	wantCode(t, err, platform.CodeNotFound)
	wantCode(t, s.SaveActivity(ctx, platform.Activity{ID: "nope"}), platform.CodeNotFound)
	check(t, s.DeleteVariable(ctx, "shop", "", "nope"))
	wantCode(t, s.SaveVariable(ctx, "shop", platform.Variable{Name: "x", Environment: "nope"}), platform.CodeNotFound)
	_, err = s.SaveEnvironment(ctx, platform.Environment{Project: "nope", Name: "main"})
	wantCode(t, err, platform.CodeNotFound)
	_, err = s.Enqueue(ctx, platform.Activity{ID: "a", Project: "nope"})
	wantCode(t, err, platform.CodeNotFound)
	if _, ok, err := s.LastKey(ctx, "shop", "app"); ok || err != nil {
		t.Errorf("got a key that was never saved (%v)", err)
	}
	check(t, s.DeleteEnvironment(ctx, "shop", "nope"))
	check(t, s.DeleteProject(ctx, "nope"))
}

func TestEnvironmentsKeepTheirSubnetAndNeverShareOne(t *testing.T) {
	s := shop(t, store.WithSubnets(netip.MustParsePrefix("10.99.0.0/22")))
	ctx := t.Context()
	a, b := saveEnv(t, s, "a", "main"), saveEnv(t, s, "b", "main")
	if a.Subnet != "10.99.1.0/24" || b.Subnet != "10.99.2.0/24" {
		t.Errorf("got subnets %s and %s", a.Subnet, b.Subnet)
	}
	if again := saveEnv(t, s, "a", "main"); again.Subnet != a.Subnet || !again.CreatedAt.Equal(a.CreatedAt) {
		t.Errorf("a save without a subnet changed %+v to %+v", a, again)
	}
	saveEnv(t, s, "c", "main")
	_, err := s.SaveEnvironment(ctx, platform.Environment{Project: "shop", Name: "d", MachineName: "d"})
	wantCode(t, err, platform.CodeUnavailable)
	_, err = s.SaveEnvironment(ctx, platform.Environment{Project: "shop", Name: "d", MachineName: "d", Subnet: a.Subnet})
	wantCode(t, err, platform.CodeConflict)

	check(t, s.DeleteEnvironment(ctx, "shop", "a"))
	if d := saveEnv(t, s, "d", "main"); d.Subnet != a.Subnet {
		t.Errorf("got subnet %s, want the free one, %s", d.Subnet, a.Subnet)
	}
	envs, err := s.Environments(ctx, "")
	check(t, err)
	if len(envs) != 4 {
		t.Errorf("got %d environments, want 4", len(envs))
	}
}

func TestEnvironmentsWithoutSubnets(t *testing.T) {
	s := shop(t, store.WithSubnets(netip.Prefix{}))
	for _, name := range []string{"a", "b", "a"} {
		if env := saveEnv(t, s, name, "main"); env.Subnet != "" {
			t.Errorf("environment %s got subnet %s", name, env.Subnet)
		}
	}
}

// TestSubnetsOfBefore opens a database in which every environment had to have a subnet. What
// refers to an environment stays.
func TestSubnetsOfBefore(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "sluice.db")
	db, err := sql.Open("sqlite", path)
	check(t, err)
	migrations, err := filepath.Glob("migrations/000[1-8]_*.sql")
	check(t, err)
	for _, name := range migrations {
		text, err := os.ReadFile(name)
		check(t, err)
		_, err = db.ExecContext(t.Context(), string(text))
		check(t, err)
	}
	const at = "2026-01-01T00:00:00.000000000Z"
	for _, row := range []string{
		`projects (id, title, default_branch, entropy, created_at, updated_at) VALUES ('shop', 'Shop', 'main', x'', ?1, ?1)`,
		`environments VALUES ('shop', 'main', 'main', 'Main', '', 'production', 'active', 'c', 'r1', '10.213.7.0/24', ?1, ?1, '', x'')`,
		`variables VALUES ('shop', 'main', 'v', x'', 0, 0, 1, 1, 1, 1)`,
	} {
		_, err = db.ExecContext(t.Context(), "INSERT INTO "+row, at)
		check(t, err)
	}
	_, err = db.ExecContext(t.Context(), "PRAGMA user_version = 8")
	check(t, err)
	check(t, db.Close())

	sealer, err := store.LoadSealer(filepath.Join(dir, "seal.key"))
	check(t, err)
	s, err := store.Open(t.Context(), path, sealer)
	check(t, err)
	defer func() { check(t, s.Close()) }()
	env, err := s.Environment(t.Context(), "shop", "main")
	check(t, err)
	if env.Subnet != "10.213.7.0/24" || env.Release != "r1" || env.CreatedAt.IsZero() {
		t.Errorf("got %+v", env)
	}
	if other := saveEnv(t, s, "other", "main"); other.Subnet == "" || other.Subnet == env.Subnet {
		t.Errorf("another environment has subnet %q", other.Subnet)
	}
	if n := count(t, path, "variables"); n != 1 {
		t.Errorf("%d variables are left", n)
	}
	check(t, s.DeleteEnvironment(t.Context(), "shop", "main"))
	if n := count(t, path, "variables"); n != 0 {
		t.Errorf("%d variables outlived their environment", n)
	}
}

func count(t *testing.T, path, table string) (n int) {
	t.Helper()
	db, err := sql.Open("sqlite", path)
	check(t, err)
	defer func() { check(t, db.Close()) }()
	check(t, db.QueryRowContext(t.Context(), "SELECT count(*) FROM "+table).Scan(&n))
	return n
}

func TestOpenRefusesABadPool(t *testing.T) {
	for _, pool := range []string{"10.0.0.0/25", "fd00::/16"} {
		_, err := store.Open(t.Context(), filepath.Join(t.TempDir(), "db"), nil, store.WithSubnets(netip.MustParsePrefix(pool)))
		wantCode(t, err, platform.CodeInvalid)
	}
}

func TestDeletingAnEnvironmentTakesItsRecordsAlong(t *testing.T) {
	s := shop(t)
	ctx := t.Context()
	saveEnv(t, s, "x", "main")
	check(t, s.SaveVariable(ctx, "shop", platform.Variable{Name: "v", Environment: "x", Enabled: true}))
	id, err := s.NextRelease(ctx, "shop", "x")
	check(t, err)
	check(t, s.SaveRelease(ctx, platform.Release{ID: id, Project: "shop", Env: "x"}))
	check(t, s.DeleteEnvironment(ctx, "shop", "x"))
	saveEnv(t, s, "x", "main")
	releases, err := s.Releases(ctx, "shop", "x")
	check(t, err)
	vars, err := s.OwnVariables(ctx, "shop", "x")
	check(t, err)
	if len(releases)+len(vars) != 0 {
		t.Errorf("got releases %v and variables %v of the old environment", releases, vars)
	}
	if id, err := s.NextRelease(ctx, "shop", "x"); err != nil || id != "r2" {
		t.Errorf("got release %s, %v; want r2: r1 was used", id, err)
	}
}

func TestReleasesAreListedNewestFirst(t *testing.T) {
	s := shop(t)
	ctx := t.Context()
	for range 11 {
		id, err := s.NextRelease(ctx, "shop", "main")
		check(t, err)
		check(t, s.SaveRelease(ctx, platform.Release{ID: id, Project: "shop", Env: "main", State: platform.ReleasePreparing}))
	}
	check(t, s.SaveRelease(ctx, platform.Release{
		ID: "r1", Project: "shop", Env: "main", State: platform.ReleaseRetired,
		Slugs: map[string]platform.Slug{"app": {Ref: "x"}}, Spec: []byte(`{"version":1}`),
	}))
	releases, err := s.Releases(ctx, "shop", "main")
	check(t, err)
	if len(releases) != 11 || releases[0].ID != "r11" || releases[10].ID != "r1" || releases[10].State != platform.ReleaseRetired {
		t.Errorf("got %+v", releases)
	}
	if r1 := releases[10]; r1.Spec != nil || r1.Slugs["app"].Ref != "x" {
		t.Errorf("got %+v, want a release of a list: without Spec", r1)
	}
	check(t, s.ForgetSlugs(ctx, "shop", "main", "r1"))
	r1, err := s.Release(ctx, "shop", "main", "r1")
	check(t, err)
	if len(r1.Slugs) > 0 || string(r1.Spec) != `{"version":1}` || r1.State != platform.ReleaseRetired {
		t.Errorf("got %+v, want the release without slugs and otherwise as it was", r1)
	}
}

func TestSlugKeys(t *testing.T) {
	s := shop(t)
	ctx := t.Context()
	check(t, s.SaveKey(ctx, "shop", "app", map[string]string{"tree": "1"}))
	want := map[string]string{"tree": "2", "image": "x"}
	check(t, s.SaveKey(ctx, "shop", "app", want))
	got, ok, err := s.LastKey(ctx, "shop", "app")
	check(t, err)
	if diff := cmp.Diff(want, got); !ok || diff != "" {
		t.Error(ok, diff)
	}
}

func TestCancelledContextSavesNothing(t *testing.T) {
	s := shop(t)
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(nil)
	if _, err := s.Enqueue(ctx, platform.Activity{ID: "a", Project: "shop"}); err == nil {
		t.Fatal("enqueued with a context that had ended")
	}
	_, err := s.Activity(t.Context(), "a")
	wantCode(t, err, platform.CodeNotFound)
}

func TestProjectsCanBeDeleted(t *testing.T) {
	s := shop(t)
	ctx := t.Context()
	enqueue(t, s, platform.Activity{ID: "a", Type: platform.ActivityPush, Environment: "main"})
	if _, ok, err := s.Claim(ctx, 0); !ok || err != nil {
		t.Fatal(ok, err)
	}
	wantCode(t, s.DeleteProject(ctx, "shop"), platform.CodeConflict)
	check(t, s.SaveActivity(ctx, platform.Activity{ID: "a", State: platform.ActivityComplete}))
	check(t, s.DeleteProject(ctx, "shop"))
	projects, err := s.Projects(ctx)
	check(t, err)
	envs, err := s.Environments(ctx, "shop")
	check(t, err)
	if len(projects)+len(envs) != 0 {
		t.Errorf("got %v and %v", projects, envs)
	}
}

func TestNewerSchemaIsRefused(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	check(t, s.Close())
	// user_version is the big-endian number at offset 60 of the file.
	f, err := os.OpenFile(filepath.Join(dir, "sluice.db"), os.O_RDWR, 0)
	check(t, err)
	_, err = f.WriteAt([]byte{0, 0, 9, 9}, 60)
	check(t, err)
	check(t, f.Close())
	sealer, err := store.LoadSealer(filepath.Join(dir, "keys", "seal.key"))
	check(t, err)
	_, err = store.Open(t.Context(), filepath.Join(dir, "sluice.db"), sealer)
	wantCode(t, err, platform.CodeInvalid)
	if platform.ErrorHint(err) == "" {
		t.Error("no hint")
	}
}

func TestPathsWithOddCharactersOpen(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "a b?c#d%41")
	check(t, os.MkdirAll(dir, 0o700))
	s := open(t, dir)
	check(t, s.SaveProject(t.Context(), platform.Project{ID: "shop"}))
	if _, err := os.Stat(filepath.Join(dir, "sluice.db-wal")); err != nil {
		t.Errorf("the database is not where it was asked for: %v", err)
	}
}

func enqueue(t *testing.T, s *store.Store, a platform.Activity) []platform.Activity {
	t.Helper()
	a.Project = "shop"
	superseded, err := s.Enqueue(t.Context(), a)
	if err != nil {
		t.Fatal(fmt.Errorf("enqueue %s: %w", a.ID, err))
	}
	return superseded
}

func TestSettingsAreSealed(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	check(t, s.SaveProject(t.Context(), platform.Project{ID: "shop", DefaultBranch: "main"}))
	plain := platform.Environment{Project: "shop", Name: "main", MachineName: "main-1234567", Type: platform.Production}
	want := plain
	want.Settings = platform.EnvironmentSettings{
		RestrictRobots: new(true), HoldWait: time.Minute, HoldRequests: 5, Bypass: []string{"10.0.0.0/8"},
		HTTPAccess: &platform.HTTPAccess{Enabled: true, Users: map[string]string{"ann-the-tester": "hash"}},
	}
	for _, env := range []platform.Environment{plain, want} {
		saved, err := s.SaveEnvironment(t.Context(), env)
		if err != nil {
			t.Fatal(err)
		}
		got, err := s.Environment(t.Context(), "shop", "main")
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(env.Settings, got.Settings); diff != "" {
			t.Error(diff)
		}
		if diff := cmp.Diff(saved, got); diff != "" {
			t.Error(diff)
		}
	}
	files, _ := filepath.Glob(filepath.Join(dir, "*.db*"))
	for _, name := range files {
		if b, err := os.ReadFile(name); err != nil || bytes.Contains(b, []byte("ann-the-tester")) {
			t.Errorf("%s shows who may see a site: %v", name, err)
		}
	}
}
