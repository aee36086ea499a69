package topology_test

import (
	"encoding/base64"
	"encoding/json"
	"flag"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"

	"sluice/internal/catalog"
	"sluice/internal/contract"
	"sluice/internal/engine"
	"sluice/internal/manifest"
	"sluice/internal/platform"
	"sluice/internal/topology"
)

var update = flag.Bool("update", false, "rewrite the expectations in testdata")

// TestResolve compares what a project's files resolve to with the sections "want/..." of
// each archive in testdata.
func TestResolve(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatalf("no archives: %v", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) {
			archive, err := txtar.ParseFile(file)
			if err != nil {
				t.Fatal(err)
			}
			got := sections(t, archive)
			if *update {
				rewrite(t, file, archive, got)
				return
			}
			for _, f := range archive.Files {
				name, ok := strings.CutPrefix(f.Name, "want/")
				if !ok {
					continue
				}
				if diff := cmp.Diff(string(f.Data), got[name]); diff != "" {
					t.Errorf("%s (-want +got):\n%s", name, diff)
				}
			}
		})
	}
}

// input resolves the archive's files for a small site.
func input(t *testing.T, archive *txtar.Archive) topology.Input {
	t.Helper()
	fsys := fstest.MapFS{}
	for _, f := range archive.Files {
		if !strings.HasPrefix(f.Name, "want/") {
			fsys[f.Name] = &fstest.MapFile{Data: f.Data}
		}
	}
	c := catalog.Default()
	m, findings := manifest.Parse(fsys, manifest.Options{Catalog: c})
	if findings.HasErrors() {
		t.Fatalf("the fixture is not valid: %v", findings)
	}
	in := topology.Input{
		Project: platform.Project{ID: "shop", DefaultBranch: "main", Entropy: strings.Repeat("entropy-", 7)},
		Environment: platform.Environment{
			Project: "shop", Name: "main", MachineName: "main-qk4xhrg",
			Type: platform.Production, Subnet: "10.213.1.0/24",
		},
		Release: "r1", Manifest: m, Catalog: c,
		Images: map[string]platform.ImageRef{}, Slugs: map[string]platform.Slug{},
		Site: topology.Site{BaseDomain: "localhost", HTTPPort: 8080},
	}
	images, err := topology.ServiceImages(m, c)
	if err != nil {
		t.Fatal(err)
	}
	for _, img := range images {
		in.Images[img.Name] = platform.ImageRef{Ref: "image/" + img.Name}
	}
	for _, app := range m.Apps {
		in.Slugs[app.Name] = platform.Slug{App: app.Name, Ref: "slug/" + app.Name, TreeID: "7ee1d", Key: "key"}
	}
	return in
}

func sections(t *testing.T, archive *txtar.Archive) map[string]string {
	t.Helper()
	in := input(t, archive)
	result, err := topology.Resolve(in)
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]string{
		"routes":  routes(result.Routes),
		"notices": "",
	}
	for _, n := range result.Notices {
		out["notices"] += n + "\n"
	}
	out["services"] = services(result.Spec.Services)
	for _, app := range result.Spec.Apps {
		out["containers"] += container(app.Container, fmt.Sprintf("warm: %t", app.Warm))
		for _, f := range app.Files {
			out["files"] += f.Path + "\n"
			out["file"+f.Path] = f.Content
		}
		out["relationships"] += variable(t, app.Env, "RELATIONSHIPS")
		out["routes-variable"] += variable(t, app.Env, "ROUTES")
		out["application-variable"] += variable(t, app.Env, "APPLICATION")
	}
	for _, w := range result.Spec.Workers {
		out["containers"] += container(w.Container, "worker of "+w.App)
	}
	return out
}

func routes(list []platform.Route) string {
	var b strings.Builder
	for _, r := range list {
		mark := ""
		if r.Primary {
			mark = " primary"
		}
		fmt.Fprintf(&b, "%s %s %s%s%s\n", r.URL, r.Type, r.Upstream, r.To, mark)
		for _, p := range r.Redirects {
			fmt.Fprintf(&b, "  %s -> %s %d regexp=%t prefix=%t\n", p.Path, p.To, p.Code, p.Regexp, p.Prefix)
		}
	}
	return b.String()
}

func services(list []engine.Service) string {
	var b strings.Builder
	for _, s := range list {
		fmt.Fprintf(&b, "%s %s %s at %s as %s\n", s.Name, s.Version, s.Image, s.Address, s.User)
		for _, m := range s.Mounts {
			fmt.Fprintf(&b, "  mount %s:%s on %s\n", m.Volume, m.Path, m.Target)
		}
		if s.Setup != nil {
			for line := range strings.Lines(s.Setup.Stdin) {
				b.WriteString("  < " + line)
			}
		}
	}
	return b.String()
}

func container(c engine.Container, extra string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s %v as %s in %s (%s)\n", c.Name, c.Image, c.Command, c.User, c.Dir, extra)
	for _, m := range c.Mounts {
		fmt.Fprintf(&b, "  mount %s:%s on %s\n", m.Volume, m.Path, m.Target)
	}
	for _, name := range slices.Sorted(maps.Keys(c.Links)) {
		fmt.Fprintf(&b, "  link %s -> %s\n", name, c.Links[name])
	}
	for _, name := range slices.Sorted(maps.Keys(c.Env)) {
		value := c.Env[name]
		if len(value) > 60 {
			value = "..."
		}
		fmt.Fprintf(&b, "  env %s=%s\n", name, value)
	}
	return b.String()
}

func variable(t *testing.T, env map[string]string, name string) string {
	t.Helper()
	if env["MAGENTO_CLOUD_"+name] != env["PLATFORM_"+name] {
		t.Errorf("%s differs between the prefixes", name)
	}
	raw, err := base64.StdEncoding.DecodeString(env["MAGENTO_CLOUD_"+name])
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	var v any
	if err := json.Unmarshal(raw, &v); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	pretty, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	return string(pretty) + "\n"
}

// rewrite replaces the sections that the archive already names.
func rewrite(t *testing.T, file string, archive *txtar.Archive, got map[string]string) {
	t.Helper()
	for i, f := range archive.Files {
		if name, ok := strings.CutPrefix(f.Name, "want/"); ok {
			archive.Files[i].Data = []byte(got[name])
		}
	}
	if err := os.WriteFile(file, txtar.Format(archive), 0o644); err != nil {
		t.Fatal(err)
	}
}

// sample is one of the archives of TestResolve.
func sample(t *testing.T) *txtar.Archive {
	t.Helper()
	files, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatalf("no archives: %v", err)
	}
	archive, err := txtar.ParseFile(files[0])
	if err != nil {
		t.Fatal(err)
	}
	return archive
}

func TestApplicationsTrustTheLocalAuthority(t *testing.T) {
	in := input(t, sample(t))
	in.Authority = "-----BEGIN CERTIFICATE-----\n"
	got, err := topology.Resolve(in)
	if err != nil {
		t.Fatal(err)
	}
	for _, app := range got.Spec.Apps {
		if !slices.ContainsFunc(app.Files, func(f engine.File) bool { return f.Path == contract.AuthorityFile && f.Content == in.Authority }) {
			t.Errorf("%s has no %s", app.Name, contract.AuthorityFile)
		}
	}
}

func TestRoutesBelowLocalhostLeadToTheRouter(t *testing.T) {
	in := input(t, sample(t))
	in.Site.BaseDomain = "localhost"
	got, err := topology.Resolve(in)
	if err != nil {
		t.Fatal(err)
	}
	if hosts := got.Spec.Apps[0].RouterHosts; len(hosts) < 3 || !slices.Contains(hosts, contract.RouterHost) {
		t.Errorf("the application does not reach its own routes, or the router: %v", hosts)
	}
	in.Site.BaseDomain = "shops.example.org"
	if got, err = topology.Resolve(in); err != nil {
		t.Fatal(err)
	}
	if hosts := got.Spec.Apps[0].RouterHosts; len(hosts) != 2 || !slices.Contains(hosts, contract.RouterHost) {
		t.Errorf("hosts that name servers know were overridden: %v", hosts)
	}
}
