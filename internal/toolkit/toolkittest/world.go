package toolkittest

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/txtar"

	"sluice/internal/toolkit/fault"
	"sluice/internal/toolkit/journal"
	"sluice/internal/toolkit/kit"
	"sluice/internal/toolkit/phparray"
	"sluice/internal/toolkit/phpfile"
	"sluice/internal/toolkit/tree"
)

// World is a Kit with its fakes in reach.
type World struct {
	Kit       *kit.Kit
	Dir       string
	Shell     *Shell
	Progress  *Progress
	Env       map[string]string
	Variables map[string]any // by name, or "build:NAME" for one stage; a missing name is an error
	Databases map[string]kit.Database

	log bytes.Buffer
}

// Now is the time in every World.
func Now() time.Time { return time.Date(2026, 11, 23, 9, 9, 47, 312568000, time.UTC) }

// New returns a World over a temporary tree with the files of a txtar archive. Names that
// end with a slash are directories.
func New(t *testing.T, archive string) *World {
	t.Helper()
	w := &World{
		Dir: t.TempDir(), Shell: &Shell{}, Progress: &Progress{},
		Env: map[string]string{}, Variables: map[string]any{"DEPLOYED_MAGENTO_VERSION_FROM_GIT": ""},
		Databases: map[string]kit.Database{},
	}
	w.Write(t, archive)
	root, err := tree.Open(w.Dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = root.Close() })
	log := journal.New(journal.Options{Now: Now}, journal.Sink{Handler: journal.Lines(&w.log), Min: fault.Debug})
	w.Shell.log = log
	w.Kit = &kit.Kit{
		Tree: root, Log: log, Shell: w.Shell, Progress: w.Progress, HTTP: http.DefaultClient, Now: Now, //nolint:forbidigo // tests talk to their own servers
		Stages:    kit.Stages{Global: w.stage("global"), Build: w.stage("build"), Deploy: w.stage("deploy"), PostDeploy: w.stage("post-deploy")},
		Platform:  &kit.Platform{Relationships: phparray.New(), Routes: phparray.New(), Variables: phparray.New(), Application: phparray.New()},
		Env:       func(name string) (string, bool) { v, ok := w.Env[name]; return v, ok },
		Databases: w,
		PHP:       func(name string) (*phparray.Array, error) { return phpfile.ByPHP(t.Context(), w.Kit.Shell)(name) },
	}
	return w
}

// Write puts the files of a txtar archive into the tree.
func (w *World) Write(t *testing.T, archive string) {
	t.Helper()
	for _, f := range txtar.Parse([]byte(archive)).Files {
		name := filepath.Join(w.Dir, f.Name)
		if strings.HasSuffix(f.Name, "/") {
			mkdir(t, name)
			continue
		}
		mkdir(t, filepath.Dir(name))
		if err := os.WriteFile(name, f.Data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

func mkdir(t *testing.T, name string) {
	t.Helper()
	if err := os.MkdirAll(name, 0o750); err != nil {
		t.Fatal(err)
	}
}

// stage is a kit.Source of the World.
type stage struct {
	w    *World
	name string
}

func (w *World) stage(name string) kit.Stage { return kit.Stage{Source: stage{w, name}} }

// Value returns the value for this stage, else that for all.
func (s stage) Value(name string) (any, error) {
	if v, ok := s.w.Variables[s.name+":"+name]; ok {
		return v, nil
	}
	if v, ok := s.w.Variables[name]; ok {
		return v, nil
	}
	return nil, fmt.Errorf("Config %s was not defined.", name)
}

// Open returns the databases of the World (kit.Databases).
func (w *World) Open(_ context.Context, connection string) (kit.Database, error) {
	db, ok := w.Databases[connection]
	if !ok {
		return nil, fmt.Errorf("connection %s is not configured", connection)
	}
	return db, nil
}

// Log returns the lines logged so far, without their times.
func (w *World) Log() string {
	var b strings.Builder
	for line := range strings.Lines(w.log.String()) {
		if strings.HasPrefix(line, "[2026-11-23T") {
			_, line, _ = strings.Cut(line, "] ")
		}
		b.WriteString(line)
	}
	return b.String()
}

// LogAt returns the lines logged so far at or above a level, without their times. Further
// lines of a message have no level and follow it.
func (w *World) LogAt(least fault.Level) string {
	var b strings.Builder
	take := false
	for line := range strings.Lines(w.Log()) {
		word, _, _ := strings.Cut(line, ":")
		if level, err := fault.ParseLevel(word); err == nil && word == strings.ToUpper(word) {
			take = level >= least
		}
		if take {
			b.WriteString(line)
		}
	}
	return b.String()
}

// File returns the content of a file of the tree.
func (w *World) File(t *testing.T, name string) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(w.Dir, name)) //nolint:gosec // a temporary directory
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}
