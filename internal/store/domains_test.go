package store_test

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"sluice/internal/platform"
	"sluice/internal/store"
)

func domains(t *testing.T, s *store.Store, project string) string {
	t.Helper()
	list, err := s.Domains(t.Context(), project)
	check(t, err)
	var text strings.Builder
	for _, d := range list {
		fmt.Fprintf(&text, "%s:%v ", d.Name, d.Default)
	}
	return text.String()
}

func TestOneDomainIsTheDefault(t *testing.T) {
	s := shop(t)
	ctx := t.Context()
	check(t, s.SaveProject(ctx, platform.Project{ID: "other", DefaultBranch: "main"}))
	add := func(project, name string, byDefault bool) error {
		_, err := s.AddDomain(ctx, platform.Domain{Project: project, Name: name, Default: byDefault})
		return err
	}
	want := func(project, text string) {
		t.Helper()
		if got := domains(t, s, project); got != text {
			t.Errorf("%s has %q, want %q", project, got, text)
		}
	}
	check(t, add("shop", "a.test", false))
	check(t, add("shop", "b.test", false))
	want("shop", "a.test:true b.test:false ")
	check(t, add("shop", "c.test", true))
	want("shop", "c.test:true a.test:false b.test:false ")
	if err := add("other", "a.test", false); platform.ErrorCode(err) != platform.CodeConflict || platform.ErrorHint(err) == "" {
		t.Errorf("a domain of another project: %v", err)
	}
	if err := add("nobody", "d.test", false); platform.ErrorCode(err) != platform.CodeNotFound {
		t.Errorf("no such project: %v", err)
	}
	check(t, s.SetDefaultDomain(ctx, "shop", "b.test"))
	want("shop", "b.test:true a.test:false c.test:false ")
	if err := s.SetDefaultDomain(ctx, "shop", "z.test"); platform.ErrorCode(err) != platform.CodeNotFound {
		t.Errorf("an unknown default: %v", err)
	}
	want("shop", "b.test:true a.test:false c.test:false ")
	check(t, s.DeleteDomain(ctx, "shop", "b.test"))
	want("shop", "a.test:true c.test:false ")
	if err := s.DeleteDomain(ctx, "other", "a.test"); platform.ErrorCode(err) != platform.CodeNotFound {
		t.Errorf("deleted by another project: %v", err)
	}
	check(t, s.DeleteProject(ctx, "shop"))
	want("shop", "")
	check(t, add("other", "a.test", false)) // it is free again
}

func TestKeysOfCertificatesAreSealed(t *testing.T) {
	dir := t.TempDir()
	sealer, err := store.LoadSealer(filepath.Join(dir, "seal.key"))
	check(t, err)
	path := filepath.Join(dir, "sluice.db")
	s, err := store.Open(t.Context(), path, sealer)
	check(t, err)
	ctx := t.Context()
	check(t, s.SaveProject(ctx, platform.Project{ID: "shop", DefaultBranch: "main"}))
	const secret = "-----BEGIN PRIVATE KEY----- hunter2"
	c := platform.Certificate{ID: "c1", Project: "shop", Certificate: "leaf", Chain: []string{"mid"}, Key: secret, Domains: []string{"a.test"}}
	_, err = s.AddCertificate(ctx, c)
	check(t, err)
	if _, err := s.AddCertificate(ctx, c); platform.ErrorCode(err) != platform.CodeConflict {
		t.Errorf("twice: %v", err)
	}
	for _, project := range []string{"shop", ""} {
		list, err := s.Certificates(ctx, project)
		if err != nil || len(list) != 1 || list[0].Key != secret || list[0].Project != "shop" || list[0].Chain[0] != "mid" || list[0].CreatedAt.IsZero() {
			t.Errorf("%+v %v", list, err)
		}
	}
	if list, err := s.Certificates(ctx, "other"); err != nil || len(list) != 0 {
		t.Errorf("%+v %v", list, err)
	}
	check(t, s.Close())
	files, err := filepath.Glob(path + "*")
	check(t, err)
	for _, name := range files {
		data, err := os.ReadFile(name)
		check(t, err)
		if bytes.Contains(data, []byte("hunter2")) {
			t.Errorf("the key is in %s", name)
		}
	}
	s, err = store.Open(t.Context(), path, sealer)
	check(t, err)
	check(t, s.DeleteCertificate(ctx, "shop", "c1"))
	if err := s.DeleteCertificate(ctx, "shop", "c1"); platform.ErrorCode(err) != platform.CodeNotFound {
		t.Errorf("deleted twice: %v", err)
	}
	check(t, s.Close())
}
