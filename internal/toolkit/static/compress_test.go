package static

import (
	"compress/gzip"
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// put makes files of a directory; a value is the content.
func put(t *testing.T, dir string, files map[string]string) {
	t.Helper()
	for name, content := range files {
		p := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(p), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(p, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

func unzip(t *testing.T, name string) string {
	t.Helper()
	f, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	r, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	content, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return string(content)
}

func compressed(t *testing.T, dir string) []string {
	t.Helper()
	var names []string
	err := filepath.WalkDir(dir, func(p string, e fs.DirEntry, err error) error {
		if err == nil && strings.Contains(e.Name(), ".gz") {
			rel, _ := filepath.Rel(dir, p)
			names = append(names, rel)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return names
}

func TestCompressTakesTextFilesOfSomeSize(t *testing.T) {
	dir, long := t.TempDir(), strings.Repeat("require(['jquery']);\n", 40)
	put(t, dir, map[string]string{
		"frontend/a.js": long, "b.css": long, "c.svg": long, "d.html": long, "e.htm": long,
		"small.js": strings.Repeat("x", 300), "image.png": long, "f.JS": long,
		"DELETING_static_1700000000/g.js": long,
	})
	if err := os.Symlink(filepath.Join(dir, "b.css"), filepath.Join(dir, "link.css")); err != nil {
		t.Fatal(err)
	}
	done, err := Compression{Level: 6}.Compress(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := strings.Join(compressed(t, dir), " "), "b.css.gz c.svg.gz d.html.gz e.htm.gz frontend/a.js.gz"; got != want {
		t.Errorf("compressed %s, want %s", got, want)
	}
	if done.Files != 5 || done.In != 5*int64(len(long)) || done.Out == 0 || done.Out >= done.In {
		t.Errorf("reported %+v", done)
	}
	if got := unzip(t, filepath.Join(dir, "frontend/a.js.gz")); got != long {
		t.Errorf("a.js.gz holds %q", got)
	}
}

func TestCompressTwiceDoesOnlyWhatChanged(t *testing.T) {
	dir, long := t.TempDir(), strings.Repeat("body { color: red }\n", 40)
	put(t, dir, map[string]string{"a.css": long, "b.css": long})
	compress := func() Compressed {
		done, err := Compression{Level: 1, Workers: 2}.Compress(t.Context(), dir)
		if err != nil {
			t.Fatal(err)
		}
		return done
	}
	compress()
	put(t, dir, map[string]string{"b.css": long + long, "c.css.gz.part": "left by a crash", "c.css": long})
	later := time.Now().Add(time.Hour)
	if err := os.Chtimes(filepath.Join(dir, "b.css"), later, later); err != nil {
		t.Fatal(err)
	}
	if done := compress(); done.Files != 2 || done.Current != 1 {
		t.Errorf("the second run reported %+v", done)
	}
	if got := unzip(t, filepath.Join(dir, "b.css.gz")); got != long+long {
		t.Errorf("b.css.gz holds %q", got)
	}
	if got := strings.Join(compressed(t, dir), " "); got != "a.css.gz b.css.gz c.css.gz" {
		t.Errorf("there is %s", got)
	}
}

func TestCompressEndsInTime(t *testing.T) {
	dir := t.TempDir()
	put(t, dir, map[string]string{"a.css": strings.Repeat("x", 400)})
	over := errors.New("over")
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(over)
	if _, err := (Compression{Level: 4}).Compress(ctx, dir); !errors.Is(err, over) {
		t.Errorf("error %v", err)
	}
	if names := compressed(t, dir); len(names) > 0 {
		t.Errorf("left %v", names)
	}
}

func TestCompressOfNothing(t *testing.T) {
	for _, dir := range []string{t.TempDir(), filepath.Join(t.TempDir(), "missing")} {
		if done, err := (Compression{Level: 99}).Compress(t.Context(), dir); err != nil || done != (Compressed{}) {
			t.Errorf("%s: %+v, %v", dir, done, err)
		}
	}
}
