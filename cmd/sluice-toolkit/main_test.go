package main

import (
	"debug/elf"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// build builds the program as it is shipped.
func build(tb testing.TB) string {
	tb.Helper()
	name := filepath.Join(tb.TempDir(), "ece-tools")
	cmd := exec.CommandContext(tb.Context(), "go", "build", "-trimpath", "-ldflags", "-s -w", "-o", name, ".")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		tb.Fatalf("%v\n%s", err, out)
	}
	return name
}

// The program is copied into containers of any Debian release or none (issue: 25 MiB).
func TestBinaryIsStaticAndSmall(t *testing.T) {
	name := build(t)
	info, err := os.Stat(name)
	if err != nil {
		t.Fatal(err)
	}
	if info.Size() > 25<<20 {
		t.Errorf("the program has %d bytes", info.Size())
	}
	f, err := elf.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close() //nolint:errcheck // was only read
	libraries, err := f.ImportedLibraries()
	if err != nil || len(libraries) > 0 {
		t.Errorf("it needs %v, %v", libraries, err)
	}
	for _, p := range f.Progs {
		if p.Type == elf.PT_INTERP {
			t.Error("it needs a dynamic linker")
		}
	}
}

// BenchmarkProcess measures whole processes, from fork to exit.
func BenchmarkProcess(b *testing.B) {
	name := build(b)
	dir := b.TempDir()
	files := map[string]string{
		"composer.lock": `{"packages": [{"name": "magento/magento2-base", "version": "2.4.7-p3"}]}`,
		"empty.xml":     `<scenario><step name="nothing" skip="true"/></scenario>`,
	}
	for file, text := range files {
		if err := os.WriteFile(filepath.Join(dir, file), []byte(text), 0o600); err != nil {
			b.Fatal(err)
		}
	}
	for _, c := range []struct {
		name string
		args []string
		code int
	}{
		{"list", []string{"list"}, 0},
		{"wizard:ideal-state", []string{"wizard:ideal-state"}, 2},
		{"empty-scenario", []string{"run", "empty.xml"}, 0},
	} {
		b.Run(c.name, func(b *testing.B) {
			for b.Loop() {
				cmd := exec.CommandContext(b.Context(), name, c.args...)
				cmd.Dir = dir
				_ = cmd.Run() // the status is looked at
				if code := cmd.ProcessState.ExitCode(); code != c.code {
					b.Fatalf("exit status %d", code)
				}
			}
		})
	}
	b.Run("size", func(b *testing.B) {
		info, err := os.Stat(name)
		if err != nil {
			b.Fatal(err)
		}
		b.ReportMetric(float64(info.Size())/(1<<20), "MiB")
		b.ReportMetric(0, "ns/op")
	})
}
