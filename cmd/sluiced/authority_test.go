package main

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"sluice/internal/platform"
)

func TestTheLocalAuthorityIsPrinted(t *testing.T) {
	dir := t.TempDir()
	var out, errs bytes.Buffer
	command := []string{"sluiced", "authority", "--data-dir", dir}
	if code := run(t.Context(), command, nil, nil, &out, &errs); code != 1 || !strings.Contains(errs.String(), "Next: sluice-router makes it") {
		t.Errorf("%d %s", code, &errs)
	}
	path := filepath.Join(dir, "router", "tls", platform.LocalAuthorityFile)
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte("PEM\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if code := run(t.Context(), command, nil, nil, &out, &errs); code != 0 || out.String() != "PEM\n" {
		t.Errorf("%d %q", code, out.String())
	}
}

// fakeRouter is a router that says this of its authority.
type fakeRouter struct {
	text string
	err  error
}

func (r fakeRouter) Authority(context.Context) (string, error) { return r.text, r.err }

func TestTheRouterKnowsItsAuthorityBest(t *testing.T) {
	file := filepath.Join(t.TempDir(), "authority.pem")
	if err := os.WriteFile(file, []byte("beside the socket"), 0o600); err != nil {
		t.Fatal(err)
	}
	away := platform.Errorf(platform.CodeUnavailable, "away")
	for name, tt := range map[string]struct {
		router fakeRouter
		file   string
		want   string
		code   platform.Code
	}{
		"it answers":       {fakeRouter{text: "elsewhere"}, file, "elsewhere", ""},
		"it has none":      {fakeRouter{err: platform.Errorf(platform.CodeNotFound, "no TLS listener")}, file, "", platform.CodeNotFound},
		"it is away":       {fakeRouter{err: away}, file, "beside the socket", ""},
		"it is an old one": {fakeRouter{err: errors.New("not explained")}, file, "beside the socket", ""},
		"there is none":    {fakeRouter{err: away}, file + ".none", "", platform.CodeNotFound},
		"the file is bad":  {fakeRouter{err: away}, filepath.Dir(file), "", platform.CodeInternal},
	} {
		got, err := findAuthority(t.Context(), tt.router, tt.file)
		if got != tt.want || (err != nil) != (tt.code != "") || (err != nil && platform.ErrorCode(err) != tt.code) {
			t.Errorf("%s: %q %v", name, got, err)
		}
	}
}
