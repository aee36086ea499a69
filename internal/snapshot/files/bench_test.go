package files_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strconv"
	"testing"

	"sluice/internal/platform"
	"sluice/internal/snapshot"
	"sluice/internal/snapshot/files"
)

// BenchmarkBranch copies media, in files of 10 KB, as a branch does: a snapshot that is put in
// place. "copied" keeps the snapshot, "moved" uses it up. SLUICE_BENCH_SNAPSHOTS is a directory
// of the file system to measure; SLUICE_BENCH_DATA_MB is how much media there is (64).
func BenchmarkBranch(b *testing.B) {
	dir := os.Getenv("SLUICE_BENCH_SNAPSHOTS") //nolint:forbidigo // how benchmarks are configured
	if dir == "" {
		dir = b.TempDir()
	}
	mb := 64
	if n, err := strconv.Atoi(os.Getenv("SLUICE_BENCH_DATA_MB")); err == nil && n > 0 { //nolint:forbidigo // see above
		mb = n
	}
	data, err := os.MkdirTemp(dir, "branch-*") //nolint:usetesting // in the file system to measure
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = os.RemoveAll(data) })
	fill(b, filepath.Join(data, "volumes", string(env), "@app", "media"), mb*100)
	s, err := files.New(files.Config{
		DataDir: data, Log: slog.New(slog.DiscardHandler),
		Running: func(context.Context, platform.EnvironmentID) ([]string, error) { return nil, nil },
	})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = s.Close() })
	for way, consume := range map[string]bool{"copied": false, "moved": true} {
		b.Run(fmt.Sprintf("shared=%t/%s", s.Shared(), way), func(b *testing.B) { branch(b, s, consume) })
	}
}

func fill(b *testing.B, dir string, n int) {
	b.Helper()
	content := bytes.Repeat([]byte("0123456789abcdef"), 640)
	for i := range n {
		at := filepath.Join(dir, strconv.Itoa(i/100))
		if err := errors.Join(os.MkdirAll(at, 0o750), os.WriteFile(filepath.Join(at, strconv.Itoa(i)), content, 0o600)); err != nil {
			b.Fatal(err)
		}
	}
}

func branch(b *testing.B, s *files.Store, consume bool) {
	b.Helper()
	const child = platform.EnvironmentID("child")
	for b.Loop() {
		taken, err := s.Take(b.Context(), snapshot.Request{Environment: env}, io.Discard)
		if err != nil {
			b.Fatal(err)
		}
		before, err := s.Plant(b.Context(), snapshot.PlantRequest{Snapshot: taken.ID, Environment: child, Consume: consume}, io.Discard)
		if err != nil {
			b.Fatal(err)
		}
		b.StopTimer()
		if err := errors.Join(s.Remove(b.Context(), taken.ID), s.Remove(b.Context(), before.ID)); err != nil {
			b.Fatal(err)
		}
		b.StartTimer()
	}
}
