package main

import (
	"bytes"
	"context"
	"log/slog"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"

	"sluice/internal/platform"
	"sluice/internal/store"
)

// fakeShelf is a router that can be away.
type fakeShelf struct {
	mu   sync.Mutex
	err  error
	told []platform.Certificate
}

func (f *fakeShelf) SetCertificates(_ context.Context, list []platform.Certificate) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.err == nil {
		f.told = list
	}
	return f.err
}

func (f *fakeShelf) Certificates(context.Context) ([]platform.CertificateStatus, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return []platform.CertificateStatus{{Host: "shop.test"}}, f.err
}

func (f *fakeShelf) set(err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.err = err
}

func (f *fakeShelf) ids() string {
	f.mu.Lock()
	defer f.mu.Unlock()
	var ids []string
	for _, c := range f.told {
		ids = append(ids, c.ID+"="+string(c.Key))
	}
	return strings.Join(ids, " ")
}

// certificateDesk returns a desk with two projects in its store.
func certificateDesk(t *testing.T, router shelf, log *bytes.Buffer) *certificates {
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
	t.Cleanup(func() { _ = s.Close() })
	for _, id := range []string{"shop", "other"} {
		if err := s.SaveProject(t.Context(), platform.Project{ID: id, DefaultBranch: "main"}); err != nil {
			t.Fatal(err)
		}
	}
	return newCertificates(s, router, slog.New(slog.NewTextHandler(log, nil)))
}

func TestTheRouterIsToldOfEveryChange(t *testing.T) {
	router, log := &fakeShelf{}, &bytes.Buffer{}
	desk := certificateDesk(t, router, log)
	add := func(project, id string) {
		t.Helper()
		if _, err := desk.AddCertificate(t.Context(), platform.Certificate{Project: project, ID: id, Key: platform.PrivateKey("secret-" + id)}); err != nil {
			t.Fatal(err)
		}
	}
	add("shop", "a")
	add("other", "b") // the router has those of all projects
	if got := router.ids(); got != "a=secret-a b=secret-b" {
		t.Errorf("told %q", got)
	}
	router.set(platform.Errorf(platform.CodeUnavailable, "away"))
	add("shop", "c") // is stored all the same
	if got := router.ids(); got != "a=secret-a b=secret-b" {
		t.Errorf("told %q", got)
	}
	router.set(nil)
	if err := desk.DeleteCertificate(t.Context(), "shop", "a"); err != nil {
		t.Fatal(err)
	}
	if got := router.ids(); got != "b=secret-b c=secret-c" {
		t.Errorf("told %q", got)
	}
	router.set(platform.Errorf(platform.CodeNotFound, "no TLS listener"))
	add("shop", "d")
	if list, err := desk.Shown(t.Context()); err != nil || list != nil {
		t.Errorf("a router without TLS shows %v %v", list, err)
	}
	if strings.Contains(log.String(), "secret") {
		t.Errorf("a key is in the log: %s", log)
	}
}

func TestARouterThatWasAwayIsToldWhenItIsBack(t *testing.T) {
	router, log := &fakeShelf{}, &bytes.Buffer{}
	router.err = platform.Errorf(platform.CodeUnavailable, "away")
	desk := certificateDesk(t, router, log)
	if _, err := desk.AddCertificate(t.Context(), platform.Certificate{Project: "shop", ID: "a"}); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancelCause(t.Context())
	done := make(chan error, 1)
	go func() { done <- desk.Run(ctx) }()
	cancel(nil)
	if err := <-done; err != nil {
		t.Error(err)
	}
	router.set(nil)
	ctx, cancel = context.WithCancelCause(t.Context())
	go func() { done <- desk.Run(ctx) }()
	for router.ids() == "" { // it is told at the start
		runtime.Gosched()
		select {
		case err := <-done:
			t.Fatal("ended", err)
		default:
		}
	}
	cancel(nil)
	if err := <-done; err != nil || router.ids() != "a=" {
		t.Errorf("told %q %v", router.ids(), err)
	}
}
