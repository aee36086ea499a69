package project_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"sluice/internal/access"
	"sluice/internal/platform"
	"sluice/internal/project"
	"sluice/internal/store"
)

// world is a Service over a real store, with everything else in memory.
type world struct {
	*project.Service
	store  *store.Store
	router *fakeRouter
	dns    *fakeDNS
	jobs   *fakePipeline
	log    *bytes.Buffer
}

func newWorld(t *testing.T) *world {
	t.Helper()
	dir := t.TempDir()
	sealer, err := store.LoadSealer(filepath.Join(dir, "seal.key"))
	check(t, err)
	s, err := store.Open(t.Context(), filepath.Join(dir, "sluice.db"), sealer)
	check(t, err)
	t.Cleanup(func() { _ = s.Close() })
	for _, id := range []string{"shop", "other"} {
		p, err := project.NewRecord(id, "", "", time.Now())
		check(t, err)
		check(t, s.SaveProject(t.Context(), p))
	}
	w := &world{store: s, router: &fakeRouter{}, dns: &fakeDNS{}, jobs: &fakePipeline{}, log: &bytes.Buffer{}}
	w.Service = project.New(project.Dependencies{
		Records: s, Repositories: &fakeRepositories{}, Pipeline: w.jobs, Router: w.router, Resolver: w.dns,
		Log: slog.New(slog.NewTextHandler(w.log, nil)),
	})
	return w
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func wantCode(t *testing.T, err error, code platform.Code) {
	t.Helper()
	if platform.ErrorCode(err) != code || (code != "" && platform.ErrorHint(err) == "") {
		t.Errorf("got %v (hint %q), want code %q and a hint", err, platform.ErrorHint(err), code)
	}
}

func subject(t *testing.T, scopes ...string) access.Subject {
	t.Helper()
	s := access.Subject{Actor: platform.Actor{ID: "jo", Name: "jo"}}
	for _, scope := range scopes {
		g, err := access.ParseGrant(scope)
		check(t, err)
		s.Grants = append(s.Grants, g)
	}
	return s
}

// fakeRouter can be away.
type fakeRouter struct {
	mu   sync.Mutex
	err  error
	list []platform.Certificate
}

func (f *fakeRouter) SetCertificates(_ context.Context, list []platform.Certificate) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.err == nil {
		f.list = list
	}
	return f.err
}

func (f *fakeRouter) Certificates(context.Context) ([]platform.CertificateStatus, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return []platform.CertificateStatus{{Host: "shop.test"}}, f.err
}

func (f *fakeRouter) set(err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.err = err
}

func (f *fakeRouter) ids() string {
	f.mu.Lock()
	defer f.mu.Unlock()
	var ids []string
	for _, c := range f.list {
		ids = append(ids, c.ID+"="+string(c.Key))
	}
	return strings.Join(ids, " ")
}

// fakeDNS has TXT records by name.
type fakeDNS struct {
	records map[string][]string
	err     error
}

func (f *fakeDNS) LookupTXT(_ context.Context, name string) ([]string, error) {
	if f.err != nil {
		return nil, f.err
	}
	if values, ok := f.records[name]; ok {
		return values, nil
	}
	return nil, &net.DNSError{Err: "no such host", Name: name, IsNotFound: true}
}

// fakePipeline notes what is asked of it.
type fakePipeline struct {
	err  error
	done []string
}

func (f *fakePipeline) Redeploy(_ context.Context, project, env string, by platform.Actor, _ map[string]string) (platform.Activity, error) {
	f.done = append(f.done, "redeploy "+project+" "+env+" by "+by.ID)
	return platform.Activity{ID: "a1", Project: project, Environment: env}, f.err
}

func (f *fakePipeline) DemolishProject(_ context.Context, project string) error {
	f.done = append(f.done, "demolish "+project)
	return f.err
}

type fakeRepositories struct{ err error }

func (f *fakeRepositories) Create(context.Context, string, string) error { return f.err }
func (f *fakeRepositories) Delete(string) error                          { return f.err }

// auditOf returns the actions and details of a project's audit log, oldest first.
func (w *world) auditOf(t *testing.T, project string) string {
	t.Helper()
	list, err := w.Audit(t.Context(), platform.AuditFilter{Project: project})
	check(t, err)
	var text string
	for _, e := range list {
		text = fmt.Sprintf("%s %s; ", e.Action, e.Detail) + text
	}
	return text
}

func TestDomainsOfOthersHaveToBeVerified(t *testing.T) {
	w := newWorld(t)
	owner := subject(t, "shop:admin")
	d, jobs, err := w.AddDomain(t.Context(), owner, "shop", "WWW.example.com", true)
	check(t, err)
	if d.Verified() || d.Default || len(jobs) != 0 || d.Name != "www.example.com" || len(d.Challenge) < 40 {
		t.Errorf("added %+v and started %v", d, jobs)
	}
	_, _, err = w.SetDefaultDomain(t.Context(), owner, "shop", d.Name)
	wantCode(t, err, platform.CodeConflict)

	for name, records := range map[string]map[string][]string{
		"no record":        nil,
		"another record":   {"_sluice-challenge.www.example.com": {"v=spf1 -all"}},
		"at another place": {"www.example.com": {d.Challenge}},
	} {
		w.dns.records = records
		_, _, err := w.VerifyDomain(t.Context(), owner, "shop", d.Name)
		wantCode(t, err, platform.CodeConflict)
		if err == nil || !strings.Contains(err.Error(), d.Challenge) || !strings.Contains(err.Error(), "_sluice-challenge.www.example.com") {
			t.Errorf("%s: the message does not say what to add: %v", name, err)
		}
	}
	w.dns.err = &net.DNSError{Err: "i/o timeout", IsTimeout: true}
	_, _, err = w.VerifyDomain(t.Context(), owner, "shop", d.Name)
	wantCode(t, err, platform.CodeUnavailable)

	w.dns.err, w.dns.records = nil, map[string][]string{"_sluice-challenge.www.example.com": {"v=spf1 -all", d.Challenge}}
	d, _, err = w.VerifyDomain(t.Context(), owner, "shop", "www.example.com")
	check(t, err)
	if !d.Verified() || !d.Default {
		t.Errorf("verified: %+v", d)
	}
	below, _, err := w.AddDomain(t.Context(), owner, "shop", "eu.www.example.com", false)
	if err != nil || !below.Verified() {
		t.Errorf("below a verified domain: %+v, %v", below, err)
	}
}

// TestAClaimDoesNotBlockTheOwner: a project that adds a name without verifying it does not
// keep the owner of the name from adding it.
func TestAClaimDoesNotBlockTheOwner(t *testing.T) {
	w := newWorld(t)
	thief, owner := subject(t, "other:admin"), subject(t, "shop:admin")
	claimed, _, err := w.AddDomain(t.Context(), thief, "other", "shop.example.com", false)
	check(t, err)
	d, _, err := w.AddDomain(t.Context(), owner, "shop", "shop.example.com", false)
	check(t, err)
	w.dns.records = map[string][]string{"_sluice-challenge.shop.example.com": {d.Challenge}}
	_, _, err = w.VerifyDomain(t.Context(), thief, "other", claimed.Name)
	wantCode(t, err, platform.CodeConflict) // the record has the other project's challenge
	_, _, err = w.VerifyDomain(t.Context(), owner, "shop", d.Name)
	check(t, err)
	w.dns.records = map[string][]string{"_sluice-challenge.shop.example.com": {claimed.Challenge}}
	_, _, err = w.VerifyDomain(t.Context(), thief, "other", claimed.Name)
	wantCode(t, err, platform.CodeConflict)
	_, _, err = w.AddDomain(t.Context(), access.Operator(), "other", "shop.example.com", false)
	wantCode(t, err, platform.CodeConflict)
}

func TestAChangeOfDomainsRedeploysWhatRuns(t *testing.T) {
	w := newWorld(t)
	env := platform.Environment{Project: "shop", Name: "main", MachineName: "main-x", Type: platform.Production, Status: platform.EnvironmentInactive}
	save := func(status platform.EnvironmentStatus) {
		t.Helper()
		env.Status = status
		var err error
		env, err = w.store.SaveEnvironment(t.Context(), env)
		check(t, err)
	}
	_, jobs, err := w.AddDomain(t.Context(), access.Operator(), "shop", "a.test", false)
	if err != nil || len(jobs) != 0 {
		t.Errorf("without an environment: %v, %v", jobs, err)
	}
	save(platform.EnvironmentInactive)
	_, jobs, err = w.AddDomain(t.Context(), access.Operator(), "shop", "b.test", false)
	if err != nil || len(jobs) != 0 {
		t.Errorf("inactive: %v, %v", jobs, err)
	}
	save(platform.EnvironmentDirty)
	_, jobs, err = w.SetDefaultDomain(t.Context(), access.Operator(), "shop", "b.test")
	if err != nil || len(jobs) != 1 {
		t.Errorf("dirty: %v, %v", jobs, err)
	}
	w.jobs.err = errors.New("the queue is full")
	jobs, err = w.DeleteDomain(t.Context(), access.Operator(), "shop", "a.test")
	if err != nil || len(jobs) != 0 || !strings.Contains(w.log.String(), "the queue is full") {
		t.Errorf("a redeployment that cannot start: %v, %v, log %s", jobs, err, w.log)
	}
	if got := w.auditOf(t, "shop"); got != "domain.change add a.test; domain.change add b.test; domain.change default b.test; domain.change delete a.test; " {
		t.Errorf("the audit log has %s", got)
	}
}

func TestTheRouterHasTheCertificatesOfTheRecords(t *testing.T) {
	w := newWorld(t)
	add := func(id, project string) {
		t.Helper()
		_, err := w.AddCertificate(t.Context(), access.Operator(), platform.Certificate{Project: project, ID: id, Key: platform.PrivateKey("secret-" + id)})
		check(t, err)
	}
	want := func(text string) {
		t.Helper()
		if got := w.router.ids(); got != text {
			t.Errorf("the router has %q, want %q", got, text)
		}
	}
	add("a", "shop")
	add("b", "other")
	want("a=secret-a b=secret-b")
	w.router.set(platform.Errorf(platform.CodeUnavailable, "away"))
	add("c", "shop") // is stored all the same
	want("a=secret-a b=secret-b")
	w.router.set(nil)
	check(t, w.DeleteCertificate(t.Context(), access.Operator(), "shop", "a"))
	want("b=secret-b c=secret-c")
	check(t, w.DeleteProject(t.Context(), access.Operator(), "other"))
	want("c=secret-c")
	w.router.set(platform.Errorf(platform.CodeNotFound, "no TLS listener"))
	add("d", "shop")
	if list, err := w.Shown(t.Context()); err != nil || list != nil {
		t.Errorf("a router without TLS shows %v %v", list, err)
	}
	if strings.Contains(w.log.String(), "secret") {
		t.Errorf("a key is in the log: %s", w.log)
	}
}

func TestARouterThatWasAwayGetsTheCertificatesLater(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.router.set(platform.Errorf(platform.CodeUnavailable, "away"))
		_, err := w.AddCertificate(t.Context(), access.Operator(), platform.Certificate{Project: "shop", ID: "a"})
		check(t, err)
		ctx, cancel := context.WithCancelCause(t.Context())
		done := make(chan error, 1)
		go func() { done <- w.Run(ctx) }()
		time.Sleep(65 * time.Second) // between two tries
		if got := w.router.ids(); got != "" {
			t.Errorf("a router that is away has %q", got)
		}
		w.router.set(nil)
		time.Sleep(15 * time.Second)
		if got := w.router.ids(); got != "a=" {
			t.Errorf("the router has %q, want the certificate", got)
		}
		cancel(nil)
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}

func TestProjectsAreCheckedAndCreated(t *testing.T) {
	w := newWorld(t)
	p, err := w.CreateProject(t.Context(), access.Operator(), "new-shop", " ", "")
	if err != nil || p.Title != "new-shop" || p.DefaultBranch != "main" || len(p.Entropy) != 56 {
		t.Errorf("created %+v, %v", p, err)
	}
	_, err = w.CreateProject(t.Context(), access.Operator(), "new-shop", "", "")
	wantCode(t, err, platform.CodeConflict)
	for _, test := range [][3]string{
		{"Shop", "", ""},
		{"a", "", ""},
		{"ok-id", "bell\a", ""},
		{"ok-id", "\u009b31m", ""},
		{"ok-id", strings.Repeat("x", 201), ""},
		{"ok-id", "", "a..b"},
		{"ok-id", "", "-x"},
		{"ok-id", "", "x.lock"},
	} {
		if _, err := w.CreateProject(t.Context(), access.Operator(), test[0], test[1], test[2]); platform.ErrorCode(err) != platform.CodeInvalid {
			t.Errorf("%q: got %v", test, err)
		}
	}
}
