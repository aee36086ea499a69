package envphp_test

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"

	"sluice/internal/manifest"
	"sluice/internal/toolkit/envphp"
	"sluice/internal/toolkit/kit"
	"sluice/internal/toolkit/phparray"
	"sluice/internal/toolkit/stage"
	"sluice/internal/toolkit/toolkittest"
	"sluice/internal/toolkit/urlmap"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// example is one archive of testdata: the files of a project and of its platform, and what
// comes out. Files: magento (version), packages (name version), relationships.json,
// routes.json, cloud.json (variables), env.yaml, env.php, config.php, environment, down,
// elastic, template.json.
type example struct {
	files map[string]string
}

func (e example) json(t *testing.T, name string) *phparray.Array {
	t.Helper()
	if e.files[name] == "" {
		return phparray.New()
	}
	v, err := phparray.DecodeJSON([]byte(e.files[name]))
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	a, _ := v.(*phparray.Array)
	return a
}

func (e example) php(t *testing.T, name string) *phparray.Array {
	t.Helper()
	a, err := phparray.Parse(name, []byte(e.files[name]))
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func (e example) word(name string) string { return strings.TrimSpace(e.files[name]) }

// input lets Gather collect from a Kit with the real variables.
func (e example) input(t *testing.T) envphp.Input {
	t.Helper()
	packages := []string{fmt.Sprintf(`{"name": "magento/magento2-base", "version": %q}`, e.word("magento"))}
	for line := range strings.Lines(e.files["packages"]) {
		name, version, _ := strings.Cut(strings.TrimSpace(line), " ")
		packages = append(packages, fmt.Sprintf(`{"name": %q, "version": %q}`, name, version))
	}
	w := toolkittest.New(t, "-- composer.lock --\n{\"packages\": ["+strings.Join(packages, ", ")+"]}\n")
	var file *manifest.EnvFile
	if e.files["env.yaml"] != "" {
		var found manifest.Diagnostics
		if file, found = manifest.ReadEnv(fstest.MapFS{".magento.env.yaml": {Data: []byte(e.files["env.yaml"])}}); file == nil {
			t.Fatal(found)
		}
	}
	w.Kit.Platform.Variables = e.json(t, "cloud.json")
	w.Kit.Platform.Relationships = e.json(t, "relationships.json")
	variables, err := stage.New(file, w.Kit.Platform.Variables)
	if err != nil {
		t.Fatal(err)
	}
	w.Kit.Stages = kit.Stages{
		Global: kit.Stage{Source: variables.In(manifest.StageGlobal)}, Build: kit.Stage{Source: variables.In(manifest.StageBuild)},
		Deploy: kit.Stage{Source: variables.In(manifest.StageDeploy)}, PostDeploy: kit.Stage{Source: variables.In(manifest.StagePostDeploy)},
	}
	for line := range strings.Lines(e.files["environment"]) {
		name, v, _ := strings.Cut(strings.TrimSpace(line), "=")
		w.Env[name] = v
	}
	in, err := envphp.Gather(w.Kit)
	if err != nil {
		t.Fatal(err)
	}
	return in
}

// made is what an example produces.
type made struct {
	section *phparray.Array // nil: removed
	notes   []envphp.Note
	err     error
}

func (m made) String() string {
	var b strings.Builder
	for _, n := range m.notes {
		fmt.Fprintf(&b, "%s", n.Level)
		if n.Code != 0 {
			fmt.Fprintf(&b, " %d", n.Code)
		}
		fmt.Fprintf(&b, ": %s\n", n.Text)
	}
	switch {
	case m.err != nil:
		fmt.Fprintf(&b, "error: %v\n", m.err)
	case m.section == nil:
		b.WriteString("removed\n")
	default:
		text := strings.TrimPrefix(string(phparray.ExportShort(m.section)), "<?php\nreturn ")
		b.WriteString(strings.TrimSuffix(text, ";\n") + "\n")
	}
	return b.String()
}

// sections maps the directories of testdata to what makes the section.
func sections() map[string]func(t *testing.T, e example) made {
	return map[string]func(t *testing.T, e example) made{
		"cache": makeCache, "session": makeSession, "queue": makeQueue, "search": makeSearch, "database": makeDatabase,
		"consumers": makeConsumers, "prepare": makePrepare, "lock": makeLock, "storage": makeStorage, "urls": makeURLs, "dump": makeDump,
	}
}

func makeSession(t *testing.T, e example) made {
	t.Helper()
	section, notes := envphp.Session(e.input(t))
	return made{section, notes, nil}
}

func makeQueue(t *testing.T, e example) made {
	t.Helper()
	section, notes := envphp.Queue(e.input(t), e.php(t, "env.php").Sub("queue"))
	return made{section, notes, nil}
}

func makeConsumers(t *testing.T, e example) made {
	t.Helper()
	return made{section: envphp.Consumers(e.input(t))}
}

func makePrepare(t *testing.T, e example) made {
	t.Helper()
	return made{section: phparray.Replace(e.php(t, "env.php"), envphp.Prepare(e.input(t)))}
}

func makeLock(t *testing.T, e example) made {
	t.Helper()
	section, notes := envphp.Lock(e.input(t))
	return made{section, notes, nil}
}

func makeDump(t *testing.T, e example) made {
	t.Helper()
	return made{section: envphp.Dumped(e.php(t, "config.php"), strings.Fields(e.files["locales"]), true)}
}

func makeCache(t *testing.T, e example) made {
	t.Helper()
	in := e.input(t)
	generated, notes := envphp.Cache(in)
	down := strings.Fields(e.files["down"])
	reachable := func(server, port string) bool { return !slices.Contains(down, server+":"+port) }
	section, more, err := envphp.ReachableCache(in, generated, e.php(t, "env.php").Sub("cache"), reachable)
	return made{section, append(notes, more...), err}
}

func makeSearch(t *testing.T, e example) made {
	t.Helper()
	in := e.input(t)
	suite := envphp.ElasticSuite(in, e.json(t, "template.json"))
	return made{section: envphp.PutSearch(e.php(t, "env.php"), envphp.Search(in, e.word("elastic")), suite)}
}

func makeDatabase(t *testing.T, e example) made {
	t.Helper()
	in := e.input(t)
	after, split, notes := envphp.PutDatabase(in, e.php(t, "env.php"))
	if split {
		after = phparray.Map("split databases were configured by hand", true)
	}
	if cleaned, ok, more := envphp.DropForeignSplit(in, e.php(t, "env.php")); ok {
		after.Set("after cleanup-db-config", cleaned)
		notes = append(notes, more...)
	}
	return made{after, notes, nil}
}

func makeStorage(t *testing.T, e example) made {
	t.Helper()
	s, ok, err := envphp.RemoteStorage(e.input(t))
	if !ok || err != nil {
		return made{err: err}
	}
	return made{section: phparray.Replace(e.php(t, "env.php").Sub("remote_storage"), s.Section())}
}

func makeURLs(t *testing.T, e example) made {
	t.Helper()
	ok, notes := envphp.UpdatesURLs(e.input(t), e.word("branch") == "master")
	if !ok {
		return made{nil, notes, nil}
	}
	sites, err := urlmap.From(e.json(t, "routes.json"))
	if err != nil {
		return made{err: err}
	}
	after, done := envphp.ReplaceHosts(e.php(t, "env.php"), sites)
	for _, r := range done {
		notes = append(notes, envphp.Replaced(r))
	}
	return made{after, notes, nil}
}

// TestSections runs every example. The last file of an archive, "out", is what comes out.
func TestSections(t *testing.T) {
	total := 0
	for name, run := range sections() {
		paths, err := filepath.Glob(filepath.Join("testdata", name, "*.txtar"))
		if err != nil || len(paths) == 0 {
			t.Errorf("%s has no examples: %v", name, err)
		}
		total += len(paths)
		for _, path := range paths {
			t.Run(filepath.Join(name, filepath.Base(path)), func(t *testing.T) { runExample(t, path, run) })
		}
	}
	t.Logf("%d examples", total)
}

func runExample(t *testing.T, path string, run func(t *testing.T, e example) made) {
	t.Helper()
	archive, err := txtar.ParseFile(path)
	if err != nil {
		t.Fatal(err)
	}
	e := example{files: map[string]string{"magento": "2.4.7-p3"}}
	for _, f := range archive.Files {
		e.files[f.Name] = string(f.Data)
	}
	got := run(t, e).String()
	if !*update {
		if diff := cmp.Diff(e.files["out"], got); diff != "" {
			t.Errorf("%s(-want +got):\n%s", archive.Comment, diff)
		}
		return
	}
	archive.Files = slices.DeleteFunc(archive.Files, func(f txtar.File) bool { return f.Name == "out" })
	archive.Files = append(archive.Files, txtar.File{Name: "out", Data: []byte(got)})
	if err := os.WriteFile(path, txtar.Format(archive), 0o600); err != nil {
		t.Fatal(err)
	}
}
