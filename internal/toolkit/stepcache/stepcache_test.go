package stepcache_test

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"

	"sluice/internal/stepinput"
	"sluice/internal/toolkit/stepcache"
)

func write(t *testing.T, dir, archive string) {
	t.Helper()
	for _, f := range txtar.Parse([]byte(archive)).Files {
		name := filepath.Join(dir, f.Name)
		if err := os.MkdirAll(filepath.Dir(name), 0o750); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, f.Data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

func open(t *testing.T, archive string) (string, *os.Root) {
	t.Helper()
	dir := t.TempDir()
	write(t, dir, archive)
	root, err := os.OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = root.Close() })
	return dir, root
}

func read(t *testing.T, r *stepcache.Reader, step stepinput.Step) stepcache.Files {
	t.Helper()
	files, err := r.Read(step)
	if err != nil {
		t.Fatal(err)
	}
	return files
}

const shop = `-- app/code/Acme/Shop/Model/A.php --
<?php namespace Acme; class A { function f() { return 1; } }
-- app/code/Acme/Shop/etc/di.xml --
<config/>
-- app/code/Acme/Shop/view/a.phtml --
-- vendor/acme/one/A.php --
<?php class A {}
-- vendor/acme/one/src/B.php --
<?php class B {}
-- vendor/acme/two/A.php --
<?php
`

func TestReader(t *testing.T) {
	dir, root := open(t, shop)
	reader := stepcache.NewReader(root)
	first := read(t, reader, stepinput.Compile)
	for _, c := range []struct {
		name, archive string
		want          []string
	}{
		{"nothing", "", nil},
		{"a body", "-- app/code/Acme/Shop/Model/A.php --\n<?php namespace Acme; class A { function f() { return 2; } }\n", nil},
		{"a template", "-- app/code/Acme/Shop/view/a.phtml --\nx\n", nil},
		{"a signature", "-- app/code/Acme/Shop/Model/A.php --\n<?php namespace Acme; class A { function f($x) { } }\n", []string{"app/code/Acme/Shop/Model/A.php"}},
		{"di.xml", "-- app/code/Acme/Shop/etc/di.xml --\n<config />\n", []string{"app/code/Acme/Shop/Model/A.php", "app/code/Acme/Shop/etc/di.xml"}},
		{"a body in vendor", "-- vendor/acme/one/src/B.php --\n<?php class B { }\n", []string{"app/code/Acme/Shop/Model/A.php", "app/code/Acme/Shop/etc/di.xml", "vendor/acme/one"}},
		{"a new class", "-- packages/b/src/B.php --\n<?php class C { }\n", []string{"app/code/Acme/Shop/Model/A.php", "app/code/Acme/Shop/etc/di.xml", "packages/b/src/B.php (new)", "vendor/acme/one"}},
	} {
		write(t, dir, c.archive)
		now := read(t, reader, stepinput.Compile)
		if diff := cmp.Diff(c.want, now.Inputs.Changed(first.Inputs)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", c.name, diff)
		}
		if same := now.Inputs.Digest() == first.Inputs.Digest(); same != (c.want == nil) {
			t.Errorf("%s: the digests are the same: %t", c.name, same)
		}
		if fresh := read(t, stepcache.NewReader(root), stepinput.Compile); fresh.Inputs.Digest() != now.Inputs.Digest() {
			t.Errorf("%s: what was remembered differs from what is there", c.name)
		}
	}
	if err := os.Remove(filepath.Join(dir, "vendor/acme/two/A.php")); err != nil {
		t.Fatal(err)
	}
	if now := read(t, reader, stepinput.Compile); !strings.Contains(strings.Join(now.Inputs.Changed(first.Inputs), " "), "vendor/acme/two (removed)") {
		t.Error("a removed package does not count")
	}
}

func TestChangedBodies(t *testing.T) {
	dir, root := open(t, shop)
	before := read(t, stepcache.NewReader(root), stepinput.Compile)
	write(t, dir, "-- app/code/Acme/Shop/Model/A.php --\n<?php namespace Acme; class A { function f() { return 2; } }\n")
	after := read(t, stepcache.NewReader(root), stepinput.Compile)
	for _, c := range []struct {
		bodies map[string]string
		want   []string
	}{{before.Bodies, []string{`Acme\A`}}, {after.Bodies, nil}} {
		if got, err := after.Changed(root, c.bodies); err != nil || cmp.Diff(c.want, got) != "" {
			t.Errorf("Changed = %q, %v, want %q", got, err, c.want)
		}
	}
}

func TestBodiesCountWhereStaticContentIsChanged(t *testing.T) {
	// Magento's own is not the project's.
	dir, root := open(t, shop+"-- app/etc/di.xml --\n<type name=\"Magento\\Framework\\View\\Asset\\Repository\"/>\n")
	digest := func() string {
		return read(t, stepcache.NewReader(root), stepinput.Static).Inputs.Digest()
	}
	edit := func(body string) {
		write(t, dir, "-- app/code/Acme/Shop/Model/A.php --\n<?php namespace Acme; class A { function f() { "+body+" } }\n")
	}
	before := digest()
	edit("return 2;")
	if digest() != before {
		t.Error("a body counts")
	}
	write(t, dir, "-- app/code/Acme/Shop/etc/di.xml --\n<type name=\"Magento\\Framework\\View\\Asset\\Repository\"/>\n")
	before = digest()
	edit("return 3;")
	if digest() == before {
		t.Error("a body does not count although the project changes how static content is made")
	}
}

func TestLinks(t *testing.T) {
	dir, root := open(t, shop+"-- packages/own/A.php --\n<?php class Own { function f() { return 1; } }\n")
	link := func(target, name string) {
		t.Helper()
		if err := os.Symlink(target, filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	link("../../packages/own", "vendor/acme/own")
	link("nowhere", "vendor/acme/broken")
	link("..", "vendor/acme/loop")
	link("A.php", "packages/own/B.php")
	first := read(t, stepcache.NewReader(root), stepinput.Compile)
	write(t, dir, "-- packages/own/A.php --\n<?php class Own { function g() { return 1; } }\n")
	want := []string{"packages/own/A.php", "packages/own/B.php", "vendor/acme/own"}
	if diff := cmp.Diff(want, read(t, stepcache.NewReader(root), stepinput.Compile).Inputs.Changed(first.Inputs)); diff != "" {
		t.Errorf("a changed target (-want +got):\n%s", diff)
	}
	link(t.TempDir(), "vendor/acme/out")
	if _, err := stepcache.NewReader(root).Read(stepinput.Compile); err == nil || !strings.Contains(err.Error(), "vendor/acme/out") {
		t.Errorf("a link out of the tree: %v", err)
	}
}

const made = "-- generated/code/A/B.php --\nb\n-- generated/metadata/global.php --\ng\n-- app/etc/env.php --\n1\n"

var madePaths = []string{"generated/code", "generated/metadata", "app/etc/env.php", "not/there"}

func newStore(t *testing.T) (string, *stepcache.Store) {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "steps")
	store, err := stepcache.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = store.Close() })
	return dir, store
}

func record(n int) stepcache.Record {
	return stepcache.Record{
		Inputs: stepcache.Inputs{"PHP": strconv.Itoa(n)}, Bodies: map[string]string{"a.php": "1"}, Tree: "0123456789",
		Made: time.Date(2026, 12, 1, 10, 0, 0, 0, time.UTC),
	}
}

func TestStore(t *testing.T) {
	_, store := newStore(t)
	_, root := open(t, made)
	kept, err := store.Save(stepinput.Compile, root, madePaths, record(1))
	if err != nil {
		t.Fatal(err)
	}
	found := store.Find(stepinput.Compile, record(1).Inputs.Digest())
	if diff := cmp.Diff(&kept, found); diff != "" || found.Since() != "0123456 of 2026-12-01 10:00 UTC" {
		t.Fatalf("found (-want +got):\n%s", diff)
	}
	if store.Find(stepinput.Compile, record(2).Inputs.Digest()) != nil || store.Find(stepinput.Static, record(1).Inputs.Digest()) != nil {
		t.Error("found what was not kept")
	}

	dir, other := open(t, "-- generated/code/old.php --\n-- generated/.htaccess --\nstays\n-- app/etc/env.php --\n2\n")
	different, err := store.Compare(stepinput.Compile, found, other, madePaths)
	if diff := cmp.Diff([]string{"app/etc/env.php", "generated/code/A/B.php", "generated/code/old.php", "generated/metadata/global.php"}, different); diff != "" || err != nil {
		t.Errorf("Compare: %v (-want +got):\n%s", err, diff)
	}
	if err := store.Restore(stepinput.Compile, found, other, madePaths); err != nil {
		t.Fatal(err)
	}
	if different, err := store.Compare(stepinput.Compile, found, other, madePaths); different != nil || err != nil {
		t.Errorf("after Restore: %q, %v", different, err)
	}
	if _, err := os.Stat(filepath.Join(dir, "generated/.htaccess")); err != nil {
		t.Error(err)
	}
}

func TestDamagedResults(t *testing.T) {
	dir, store := newStore(t)
	tree, root := open(t, made)
	kept, err := store.Save(stepinput.Compile, root, madePaths, record(1))
	if err != nil {
		t.Fatal(err)
	}
	at := filepath.Join(dir, string(stepinput.Compile), kept.Inputs.Digest())
	archive := filepath.Join(at, "files.tar.gz")
	content, err := os.ReadFile(archive)
	if err != nil {
		t.Fatal(err)
	}
	content[len(content)/2] ^= 1
	write(t, at, "-- files.tar.gz --\n"+string(content))
	write(t, tree, "-- app/etc/env.php --\nmine\n")
	if err := store.Restore(stepinput.Compile, &kept, root, madePaths); err == nil || !strings.Contains(err.Error(), "damaged") {
		t.Errorf("Restore: %v", err)
	}
	if now, err := os.ReadFile(filepath.Join(tree, "app/etc/env.php")); string(now) != "mine\n" {
		t.Errorf("a damaged result changed the tree: %q, %v", now, err)
	}
	write(t, at, "-- record.json --\n{\"Inputs\": {\"PHP\": \"other\"}}\n")
	if store.Find(stepinput.Compile, kept.Inputs.Digest()) != nil {
		t.Error("found a record of other inputs")
	}
	if err := os.Symlink("/", filepath.Join(tree, "generated/code/link")); err != nil {
		t.Fatal(err)
	}
	if _, err := store.Save(stepinput.Compile, root, madePaths, record(2)); err == nil {
		t.Error("a link was kept")
	}
	if store.Find(stepinput.Compile, record(2).Inputs.Digest()) != nil {
		t.Error("half a result is found")
	}
}

func TestOldResultsGo(t *testing.T) {
	dir, store := newStore(t)
	_, root := open(t, made)
	age := func(n, minutes int) {
		t.Helper()
		name := filepath.Join(dir, string(stepinput.Compile), record(n).Inputs.Digest(), "record.json")
		when := time.Unix(int64(60*minutes), 0)
		if err := os.Chtimes(name, when, when); err != nil {
			t.Fatal(err)
		}
	}
	for n := range stepcache.Kept {
		if _, err := store.Save(stepinput.Compile, root, madePaths, record(n)); err != nil {
			t.Fatal(err)
		}
		age(n, n)
	}
	if last := store.Last(stepinput.Compile); last == nil || last.Inputs["PHP"] != strconv.Itoa(stepcache.Kept-1) {
		t.Errorf("the last one is %v", last)
	}
	if err := store.Used(stepinput.Compile, *store.Find(stepinput.Compile, record(0).Inputs.Digest())); err != nil {
		t.Fatal(err)
	}
	if _, err := store.Save(stepinput.Compile, root, madePaths, record(100)); err != nil {
		t.Fatal(err)
	}
	for n, want := range map[int]bool{0: true, 1: false, 2: true, 100: true} {
		if got := store.Find(stepinput.Compile, record(n).Inputs.Digest()) != nil; got != want {
			t.Errorf("result %d is there: %t, want %t", n, got, want)
		}
	}
}
