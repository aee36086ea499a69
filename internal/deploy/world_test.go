package deploy_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"sluice/internal/build/buildtest"
	"sluice/internal/catalog"
	"sluice/internal/deploy"
	"sluice/internal/engine/enginetest"
	"sluice/internal/feed"
	"sluice/internal/platform"
	"sluice/internal/project"
	"sluice/internal/snapshot/snapshottest"
	"sluice/internal/store"
	"sluice/internal/topology"
	"sluice/internal/work"
)

// world is everything around the pipeline that outlives a crash of it: a real store and
// real logs, a builder, an engine and a router in memory.
type world struct {
	t       *testing.T
	store   *store.Store
	feed    *feed.Feed
	source  *fakeSource
	builder *buildtest.Fake
	engine  *enginetest.Fake
	gate    *fakeGate
	crons   *fakeCrons
	queue   work.Options
	options deploy.Options

	repositories *fakeRepositories
	snapshots    *snapshottest.Fake
	backups      *fakeBackups
	toolkits     *fakeToolkits
	warmer       *fakeWarmer
}

func newWorld(t *testing.T) *world {
	t.Helper()
	dir := t.TempDir()
	sealer, err := store.LoadSealer(filepath.Join(dir, "seal.key"))
	if err != nil {
		t.Fatal(err)
	}
	s, err := store.Open(t.Context(), filepath.Join(dir, "sluice.db"), sealer)
	if err != nil {
		t.Fatal(err)
	}
	logs, err := feed.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = logs.Close(); _ = s.Close() })
	record, err := project.NewRecord("shop", "Shop", "main", time.Now())
	if err != nil {
		t.Fatal(err)
	}
	if err := s.SaveProject(t.Context(), record); err != nil {
		t.Fatal(err)
	}
	snapshots, source := snapshottest.NewFake(t.TempDir()), &fakeSource{commits: map[string]fstest.MapFS{}}
	gate := newFakeGate()
	return &world{
		t: t, gate: gate, warmer: &fakeWarmer{gate: gate}, store: s, snapshots: snapshots, source: source, feed: logs,
		backups: &fakeBackups{snapshots: snapshots, data: map[string]string{}},
		builder: &buildtest.Fake{}, engine: enginetest.NewFake(), crons: &fakeCrons{},
		queue: work.Options{Workers: 1}, repositories: &fakeRepositories{source: source}, toolkits: &fakeToolkits{},
		options: deploy.Options{
			WorkDir: t.TempDir(),
			Site:    topology.Site{BaseDomain: "localhost", HTTPPort: 8080},
		},
	}
}

// service is a control plane over the world as it is now.
func (w *world) service(onStep func(platform.Step)) *deploy.Service {
	return w.serviceWith(w.store, onStep)
}

// serviceOver is a control plane that reads other records.
func (w *world) serviceOver(records deploy.Records) *deploy.Service {
	return w.serviceWith(records, nil)
}

func (w *world) serviceWith(records deploy.Records, onStep func(platform.Step)) *deploy.Service {
	opts, log := w.queue, slog.New(slog.DiscardHandler)
	opts.OnStep = onStep
	return deploy.New(deploy.Dependencies{
		Records: records, Queue: work.New(w.store, w.feed, log, opts), Source: w.source, Images: fakeImages{}, Builder: w.builder, Engine: w.engine,
		Gate: w.gate, Journal: w.feed, Crons: w.crons, Warmer: w.warmer, Catalog: catalog.Default(),
		Repositories: w.repositories, Snapshots: w.snapshots, Backups: w.backups, Toolkits: w.toolkits, Authority: noAuthority{}, Log: log,
	}, w.options)
}

// run lets a control plane work while f does something, and stops it.
func (w *world) run(s *deploy.Service, f func()) {
	w.t.Helper()
	ctx, stop := context.WithCancelCause(w.t.Context())
	var group sync.WaitGroup
	group.Go(func() {
		if err := s.Run(ctx); err != nil {
			w.t.Errorf("run: %v", err)
		}
	})
	f()
	stop(io.EOF)
	group.Wait()
}

// push commits files and pushes them through a healthy control plane. It returns what the
// pusher saw and the activity.
func (w *world) push(files map[string]string) (string, platform.Activity) {
	w.t.Helper()
	var out bytes.Buffer
	s := w.service(nil)
	w.run(s, func() {
		if err := w.receive(s, files, nil, &out); err != nil {
			w.t.Fatalf("push: %v\n%s", err, out.String())
		}
	})
	return out.String(), w.last()
}

// queued lets a healthy control plane run the activity that begin queues, and returns its log.
func (w *world) queued(begin func(*deploy.Service) (platform.Activity, error)) (log string) {
	w.t.Helper()
	s := w.service(nil)
	w.run(s, func() {
		a, err := begin(s)
		if err != nil {
			w.t.Fatal(err)
		}
		log = w.log(a) // until it is sealed
	})
	return log
}

// redeploy deploys the head of an environment again.
func (w *world) redeploy(name string, params map[string]string) (log string) {
	w.t.Helper()
	return w.queued(func(s *deploy.Service) (platform.Activity, error) {
		return s.Redeploy(w.t.Context(), "shop", name, platform.Actor{ID: "jane", Name: "Jane"}, params)
	})
}

// pushTo pushes files to a branch and activates it.
func (w *world) pushTo(branch string, files map[string]string) (string, platform.Activity) {
	w.t.Helper()
	var out bytes.Buffer
	s := w.service(nil)
	w.run(s, func() {
		if err := w.receiveOn(s, branch, files, map[string]string{"environment.status": "active"}, &out); err != nil {
			w.t.Fatalf("push to %s: %v\n%s", branch, err, out.String())
		}
	})
	return out.String(), w.last()
}

// receive does what Git does with a push.
func (w *world) receive(s *deploy.Service, files, options map[string]string, out io.Writer) error {
	return w.receiveOn(s, "main", files, options, out)
}

func (w *world) receiveOn(s *deploy.Service, branch string, files, options map[string]string, out io.Writer) error {
	push := platform.Push{
		Project: "shop", Actor: platform.Actor{ID: "jane", Name: "Jane"}, Options: options,
		Updates: []platform.RefUpdate{{Ref: "refs/heads/" + branch, Old: platform.ZeroCommit, New: w.source.commit(files)}},
	}
	if err := s.PreReceive(w.t.Context(), push, out); err != nil {
		return err
	}
	return s.PostReceive(w.t.Context(), push, out)
}

func (w *world) last() platform.Activity {
	w.t.Helper()
	list, err := w.store.Activities(w.t.Context(), platform.ActivityFilter{Project: "shop", Limit: 1})
	if err != nil || len(list) == 0 {
		w.t.Fatalf("no activity: %v", err)
	}
	return list[0]
}

func (w *world) env() platform.Environment {
	w.t.Helper()
	return w.environment("main")
}

func (w *world) environment(name string) platform.Environment {
	w.t.Helper()
	env, err := w.store.Environment(w.t.Context(), "shop", name)
	if err != nil {
		w.t.Fatal(err)
	}
	return env
}

func (w *world) log(a platform.Activity) string {
	w.t.Helper()
	var out bytes.Buffer
	if err := w.feed.Follow(w.t.Context(), a.ID, &out); err != nil {
		w.t.Fatal(err)
	}
	return out.String()
}

// releases returns the releases of which containers exist.
func (w *world) releases() []string {
	w.t.Helper()
	status, err := w.engine.Observe(w.t.Context(), w.env().ID())
	if err != nil {
		w.t.Fatal(err)
	}
	seen := map[string]bool{}
	for _, c := range status.Containers {
		if c.Release != "" {
			seen[c.Release] = true
		}
	}
	return slices.Sorted(maps.Keys(seen))
}

// shop returns the files of a small shop; each change replaces one.
func shop(changes ...string) map[string]string {
	files := map[string]string{
		".magento.app.yaml": app("php bin/shop deploy"),
		".magento/services.yaml": `
mysql:
    type: mysql:10.11
    disk: 1024
`,
		".magento/routes.yaml": `
"http://{default}/":
    type: upstream
    upstream: "mymagento:http"
`,
		"composer.json":  "{}",
		"composer.lock":  "{}",
		"pub/index.php":  "<?php\n",
		"pub/static/.gi": "",
	}
	for i := 0; i+1 < len(changes); i += 2 {
		files[changes[i]] = changes[i+1]
	}
	return files
}

// app is an application file with a deploy hook.
func app(deployHook string) string {
	return `
name: mymagento
type: php:8.2
build:
    flavor: none
relationships:
    database: "mysql:mysql"
web:
    locations:
        "/":
            root: "pub"
            passthru: "/index.php"
            index: [index.php]
            scripts: true
            allow: false
disk: 1024
mounts:
    "var": "shared:files/var"
    "app/etc": "shared:files/etc"
hooks:
    build: |
        echo built
    deploy: |
        ` + deployHook + `
    post_deploy: |
        php bin/shop warm
crons:
    cronrun:
        spec: "*/5 * * * *"
        cmd: "php bin/shop cron:run"
workers:
    queue:
        commands:
            start: php bin/shop queue:work
`
}

// fakeSource holds commits in memory.
type fakeSource struct {
	mu      sync.Mutex
	commits map[string]fstest.MapFS
}

func (s *fakeSource) commit(files map[string]string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	tree := fstest.MapFS{}
	for name, content := range files {
		tree[name] = &fstest.MapFile{Data: []byte(content), Mode: 0o644}
	}
	id := fmt.Sprintf("%040d", len(s.commits)+1)
	s.commits[id] = tree
	return id
}

func (s *fakeSource) Tree(_ context.Context, _, commit string, _ []string) (deploy.Tree, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	tree, ok := s.commits[commit]
	if !ok {
		return nil, fmt.Errorf("no commit %s", commit)
	}
	return fakeTree{tree}, nil
}

// merge makes a commit of the files of two.
func (s *fakeSource) merge(into, from string) (string, error) {
	s.mu.Lock()
	base, ours, theirs := s.commits[fmt.Sprintf("%040d", 1)], s.commits[into], s.commits[from]
	files, conflicts := map[string]string{}, []string{}
	for name, f := range ours {
		files[name] = string(f.Data)
	}
	text := func(tree fstest.MapFS, name string) string {
		if f := tree[name]; f != nil {
			return string(f.Data)
		}
		return ""
	}
	for name, f := range theirs {
		was, is, wanted := text(base, name), text(ours, name), string(f.Data)
		switch {
		case wanted == is || wanted == was:
		case is == was:
			files[name] = wanted
		default:
			conflicts = append(conflicts, name)
		}
	}
	s.mu.Unlock()
	if len(conflicts) > 0 {
		return "", &platform.ConflictError{Files: conflicts}
	}
	return s.commit(files), nil
}

func (s *fakeSource) Checkout(context.Context, string, string, string, string) error { return nil }

type fakeTree struct{ fstest.MapFS }

func (t fakeTree) Close() error { return nil }

func (t fakeTree) TreeID(root string) (string, error) { return t.Digest(root, nil) }

func (t fakeTree) Digest(_ string, exclude []string) (string, error) {
	h := sha256.New()
	for _, name := range slices.Sorted(maps.Keys(t.MapFS)) {
		if slices.ContainsFunc(exclude, func(x string) bool { return name == x || strings.HasPrefix(name, x+"/") }) {
			continue
		}
		_, _ = fmt.Fprintf(h, "%s\x00%s\x00", name, t.MapFS[name].Data)
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

var _ fs.FS = fakeTree{}

type fakeImages struct{}

func (fakeImages) Ensure(_ context.Context, img catalog.Image, _ io.Writer) (platform.ImageRef, error) {
	return platform.ImageRef{Ref: "sluice/" + img.Name, Digest: "sha256:" + img.Name}, nil
}

type noAuthority struct{}

func (noAuthority) Certificate(context.Context) string { return "" }

// fakeRepositories remembers which projects were tidied.
type fakeRepositories struct {
	mu       sync.Mutex
	tidied   []string
	branches map[string]string // what each points at
	ahead    map[string]int    // by commit: how many commits it has that others lack
	source   *fakeSource
}

// Merge joins the files of commits that tests made, file by file; what both changed since the
// first commit of all is a conflict.
func (r *fakeRepositories) Merge(_ context.Context, req platform.MergeRequest) (string, error) {
	return r.source.merge(req.Into, req.From)
}

// Distance counts commits: their numbers are the order in which they were made.
func (r *fakeRepositories) Distance(_ context.Context, _, one, other string) (ahead, behind int, err error) {
	if one == other {
		return 0, 0, nil
	}
	return r.ahead[one], r.ahead[other], nil
}

// SetBranch does what gitrepo does; a branch that no test made is where it is expected.
func (r *fakeRepositories) SetBranch(_ context.Context, _, branch, from, to string) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	is, known := r.branches[branch]
	if known && is != from && is != to {
		return platform.Errorf(platform.CodeConflict, "the branch %s was changed meanwhile", branch)
	}
	if r.branches == nil {
		r.branches = map[string]string{}
	}
	r.branches[branch] = to
	return nil
}

func (r *fakeRepositories) Tidy(_ context.Context, project string) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.tidied = append(r.tidied, project)
	return nil
}

// fakeToolkits are the toolkits that there are.
type fakeToolkits struct {
	installed []string
}

func (t *fakeToolkits) Installed(context.Context) ([]string, error) {
	return slices.Clone(t.installed), nil
}

func (t *fakeToolkits) Remove(_ context.Context, path string) error {
	t.installed = slices.DeleteFunc(t.installed, func(p string) bool { return p == path })
	return nil
}

// fakeWarmer notes beside the router's events what was loaded while requests were held.
type fakeWarmer struct {
	gate  *fakeGate
	noted bool // among the router's events
	slow  bool // a page under a hold does not answer
	// respond says what comes of a visit; nil: status 200.
	respond func(url string) platform.PageVisit
}

func (*fakeWarmer) Warm(context.Context, []string, io.Writer) error { return nil }

func (f *fakeWarmer) WarmHeld(ctx context.Context, link string, urls []string, _ io.Writer) error {
	if f.noted {
		f.gate.happened("load " + link + " " + strings.Join(urls, " "))
	}
	if f.slow {
		<-ctx.Done()
		return context.Cause(ctx)
	}
	return nil
}

func (f *fakeWarmer) Visit(_ context.Context, urls []string) []platform.PageVisit {
	var out []platform.PageVisit
	for _, u := range urls {
		v := platform.PageVisit{Status: 200, Bytes: 100}
		if f.respond != nil {
			v = f.respond(u)
		}
		v.Path = u
		out = append(out, v)
	}
	return out
}

// fakeCrons remembers which release's crons run.
type fakeCrons struct {
	mu      sync.Mutex
	release string
}

func (c *fakeCrons) Suspend(context.Context, platform.EnvironmentID) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.release = ""
	return nil
}

func (c *fakeCrons) Resume(p platform.CronPlan) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.release = p.Release
}

func (c *fakeCrons) Forget(ctx context.Context, env platform.EnvironmentID) error {
	return c.Suspend(ctx, env)
}

func (c *fakeCrons) running() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.release
}
