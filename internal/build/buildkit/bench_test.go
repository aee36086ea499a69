package buildkit_test

import (
	"context"
	"crypto/rand"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"testing"

	"sluice/internal/build"
)

// The size of a shop with its dependencies checked in.
const (
	treeFiles     = 20_000
	filesPerDir   = 50
	benchFileSize = 2 << 10
)

// benchTree writes a tree of small files into a directory that is new each time, as every
// push unpacks its own; version is the content of one of them.
func benchTree(b *testing.B, version int) string {
	b.Helper()
	dir := b.TempDir()
	for i := range treeFiles {
		sub := filepath.Join(dir, "vendor", "package"+strconv.Itoa(i/filesPerDir/10), "src"+strconv.Itoa(i/filesPerDir%10))
		if i%filesPerDir == 0 {
			if err := os.MkdirAll(sub, 0o750); err != nil {
				b.Fatal(err)
			}
		}
		content := fmt.Appendf(nil, "<?php // %0*d\n", benchFileSize-10, i)
		if err := os.WriteFile(filepath.Join(sub, fmt.Sprintf("Class%d.php", i)), content, 0o600); err != nil {
			b.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(dir, "index.php"), fmt.Appendf(nil, "<?php echo %d;", version), 0o600); err != nil {
		b.Fatal(err)
	}
	return dir
}

// BenchmarkBuild measures builds of 20,000 files with a hook that costs nothing: the first
// one of an application, one of the same tree, and one with a single changed file.
func BenchmarkBuild(b *testing.B) {
	builder, base := newBuilder(b), baseImage(b)
	request := func(app string, version int) build.Request {
		return build.Request{
			Project: "bench", App: app, Base: base, SourceDir: benchTree(b, version),
			Key:    build.Key{}.With("source tree", app+strconv.Itoa(version)),
			Mounts: []string{"var", "pub/media"},
			Steps:  []build.Step{{Name: "hook", Title: "Executing build hook...", Script: "mkdir -p generated && date >generated/date"}},
		}
	}
	once := func(b *testing.B, req build.Request) {
		b.Helper()
		slug, err := builder.Build(b.Context(), req, io.Discard)
		if err != nil {
			b.Fatal(err)
		}
		b.Cleanup(func() {
			if err := builder.Remove(context.WithoutCancel(b.Context()), slug); err != nil {
				b.Error(err)
			}
		})
	}
	timed := func(b *testing.B, req build.Request) {
		b.Helper()
		b.StartTimer()
		once(b, req)
		b.StopTimer()
	}
	b.Run("first", func(b *testing.B) {
		b.StopTimer()
		for range b.N {
			timed(b, request("first-"+rand.Text(), 0))
		}
	})
	b.Run("unchanged", func(b *testing.B) {
		b.StopTimer()
		app := "same-" + rand.Text()
		once(b, request(app, 0))
		for range b.N {
			timed(b, request(app, 0))
		}
	})
	b.Run("one file changed", func(b *testing.B) {
		b.StopTimer()
		app := "changed-" + rand.Text()
		once(b, request(app, -1))
		for i := range b.N {
			timed(b, request(app, i))
		}
	})
}
