package images

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"sluice/internal/catalog"
)

var update = flag.Bool("update", false, "write what the tests see to testdata")

func TestArguments(t *testing.T) {
	def := &catalog.Debian{Suite: "bookworm", Packages: []string{"memcached", "procps"}}
	for name, o := range map[string]Options{
		"defaults": {},
		"frozen":   {Mirror: "http://mirror.example.org/debian", SecurityMirror: NoSecurity},
		"mirror":   {Mirror: "http://mirror.example.org/debian", SecurityMirror: "http://mirror.example.org/security"},
	} {
		t.Run(name, func(t *testing.T) {
			a := New(nil, o)
			got := strings.Join(arguments(def, a.options, "/tmp/overlay.tar"), "\n") + "\n"
			golden(t, "arguments-"+name+".txt", got)
		})
	}
}

func golden(t *testing.T, name, got string) {
	t.Helper()
	file := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", name, diff)
	}
}

func TestReferenceChangesWithTheDefinition(t *testing.T) {
	reference := func(change func(*catalog.Debian)) string {
		def := catalog.Debian{
			Suite: "bookworm", Packages: []string{"memcached"}, Script: "true\n",
			Files: []catalog.File{{Path: "/etc/x", Mode: 0o644, Content: "x"}},
			Env:   map[string]string{"A": "1"},
		}
		change(&def)
		ref, err := Reference(catalog.Image{Name: "memcached-1.6", Debian: &def})
		if err != nil {
			t.Fatal(err)
		}
		return ref
	}
	same := reference(func(*catalog.Debian) {})
	if again := reference(func(*catalog.Debian) {}); again != same {
		t.Errorf("equal definitions are %s and %s", same, again)
	}
	if !strings.HasPrefix(same, "sluice.invalid/memcached-1.6:") || len(same) != len("sluice.invalid/memcached-1.6:")+12 {
		t.Errorf("reference is %s", same)
	}
	for name, change := range map[string]func(*catalog.Debian){
		"suite":    func(d *catalog.Debian) { d.Suite = "trixie" },
		"packages": func(d *catalog.Debian) { d.Packages = []string{"redis-server"} },
		"script":   func(d *catalog.Debian) { d.Script = "false\n" },
		"file":     func(d *catalog.Debian) { d.Files = []catalog.File{{Path: "/etc/x", Mode: 0o755, Content: "x"}} },
		"env":      func(d *catalog.Debian) { d.Env = nil },
	} {
		if reference(change) == same {
			t.Errorf("another %s gives the same reference", name)
		}
	}
}
