package catalog_test

import (
	"path"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"sluice/internal/catalog"
)

func TestVersionsAreListedOldestFirst(t *testing.T) {
	c := catalog.Default()
	for _, tt := range []struct {
		name      string
		got, want []string
	}{
		{"php", c.RuntimeVersions("php"), []string{"7.4", "8.1", "8.2", "8.3", "8.4", "8.5"}},
		{"mysql", c.ServiceVersions("mysql"), []string{"10.2", "10.3", "10.4", "10.5", "10.6", "10.11", "11.4", "11.8"}},
		{"rabbitmq", c.ServiceVersions("rabbitmq"), []string{"3.8", "3.9", "3.10", "3.11", "3.12", "3.13", "4.0", "4.1"}},
		{"unknown", c.ServiceVersions("oracle"), nil},
	} {
		if diff := cmp.Diff(tt.want, tt.got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tt.name, diff)
		}
	}
}

func TestCompareVersions(t *testing.T) {
	want := []string{"1", "1.2", "2", "2.4", "2.12", "2.x", "10.2", "10.11"}
	got := slices.Clone(want)
	slices.Reverse(got)
	slices.SortFunc(got, catalog.CompareVersions)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("order (-want +got):\n%s", diff)
	}
}

// What the official templates and published shops have in their files.
func TestVersionsInUseAreThere(t *testing.T) {
	c := catalog.Default()
	for _, v := range []string{"7.4", "8.1", "8.2", "8.3", "8.4", "8.5"} {
		if _, ok := c.Runtime("php", v); !ok {
			t.Errorf("no php:%s", v)
		}
	}
	for s := range strings.FieldsSeq(`mysql:10.2 mysql:10.3 mysql:10.4 mysql:10.6 mysql:10.11 mysql:11.4
		mariadb:10.6 mariadb:11.4 redis:3.0 redis:5.0 redis:6.0 redis:6.2 redis:7.0 redis:7.2 valkey:8.0
		opensearch:1.2 opensearch:2 opensearch:2.4 opensearch:2.x opensearch:3
		elasticsearch:5.2 elasticsearch:6.5 elasticsearch:7.7 elasticsearch:7.9
		rabbitmq:3.8 rabbitmq:3.9 rabbitmq:3.11 rabbitmq:4.1`) {
		name, version, _ := strings.Cut(s, ":")
		if _, ok := c.Service(name, version); !ok {
			t.Errorf("no %s", s)
		}
	}
}

func TestMysqlIsMariadb(t *testing.T) {
	c := catalog.Default()
	mysql, _ := c.Service("mysql", "10.11")
	mariadb, _ := c.Service("mariadb", "10.11")
	if mysql.Image.Name != "mariadb-10.11" {
		t.Errorf("image of mysql:10.11 is %s", mysql.Image.Name)
	}
	mysql.Type = mariadb.Type
	if diff := cmp.Diff(mariadb, mysql); diff != "" {
		t.Errorf("mysql and mariadb differ:\n%s", diff)
	}
}

func TestDefaultEndpoint(t *testing.T) {
	c := catalog.Default()
	for serviceType, want := range map[string]string{
		"mysql": "mysql", "mariadb": "mysql", "redis": "redis", "redis-persistent": "redis",
		"valkey": "valkey", "opensearch": "opensearch", "rabbitmq": "rabbitmq", "unheard-of": "unheard-of",
	} {
		if got := c.DefaultEndpoint(serviceType); got != want {
			t.Errorf("DefaultEndpoint(%q) = %q, want %q", serviceType, got, want)
		}
	}
}

func TestEveryServiceIsComplete(t *testing.T) {
	c := catalog.Default()
	for _, serviceType := range c.ServiceTypes() {
		for _, version := range c.ServiceVersions(serviceType) {
			t.Run(serviceType+"-"+version, func(t *testing.T) {
				s, _ := c.Service(serviceType, version)
				checkService(t, s)
				checkImage(t, s.Image)
			})
		}
	}
}

func checkService(t *testing.T, s catalog.Service) {
	t.Helper()
	if s.Endpoint == "" || s.Scheme == "" || s.Port == 0 {
		t.Errorf("endpoint %q, scheme %q, port %d", s.Endpoint, s.Scheme, s.Port)
	}
	if len(s.Health) == 0 || len(s.Command) == 0 || s.Stop == 0 {
		t.Errorf("health %v, command %v, stop %v", s.Health, s.Command, s.Stop)
	}
	if uid, gid, ok := strings.Cut(s.User, ":"); !ok || uid == "0" || uid == "" || gid == "" {
		t.Errorf("user %q is not an ordinary uid:gid", s.User)
	}
	if s.Persistent != (s.DataDir != "") {
		t.Errorf("persistent is %v, data directory %q", s.Persistent, s.DataDir)
	}
	if s.Credentials.Password && len(s.SetupCommand) == 0 {
		t.Error("it has a password that nothing sets")
	}
}

func TestEveryRuntimeIsComplete(t *testing.T) {
	c := catalog.Default()
	for _, version := range c.RuntimeVersions("php") {
		t.Run(version, func(t *testing.T) {
			r, _ := c.Runtime("php", version)
			checkImage(t, r.Image)
			if r.EndOfLife.IsZero() {
				t.Error("no end of life")
			}
			checkExtensions(t, r.Extensions)
		})
	}
}

func checkExtensions(t *testing.T, all map[string]catalog.Extension) {
	t.Helper()
	for name, e := range all {
		if e.Always && !e.Default {
			t.Errorf("%s is always on but not by default", name)
		}
		for _, need := range e.After {
			other, ok := all[need]
			if !ok {
				t.Errorf("%s needs %s, which is not there", name, need)
			}
			if other.Module != "" && other.Priority >= e.Priority {
				t.Errorf("%s (%d) is not loaded after %s (%d)", name, e.Priority, need, other.Priority)
			}
		}
	}
	// What the template asks for and what it takes as given.
	for _, name := range []string{"xsl", "sodium", "newrelic", "blackfire", "redis", "imagick", "xdebug", "json"} {
		if _, ok := all[name]; !ok {
			t.Errorf("no extension %s", name)
		}
	}
	for _, name := range []string{"bcmath", "gd", "intl", "mbstring", "opcache", "pdo_mysql", "soap", "sockets", "zip", "dom"} {
		if !all[name].Default {
			t.Errorf("%s is not on by default", name)
		}
	}
}

// checkImage also checks that the commands of assembled images are in them.
func checkImage(t *testing.T, img catalog.Image) {
	t.Helper()
	if (img.Debian == nil) == (img.Reference == "") {
		t.Fatalf("image %s has debian %v and reference %q", img.Name, img.Debian, img.Reference)
	}
	if img.Debian == nil {
		return
	}
	if !slices.IsSorted(img.Debian.Packages) || len(img.Debian.Packages) == 0 {
		t.Errorf("packages are not sorted: %v", img.Debian.Packages)
	}
	for _, f := range img.Debian.Files {
		if !path.IsAbs(f.Path) || path.Clean(f.Path) != f.Path || f.Content == "" {
			t.Errorf("file %q", f.Path)
		}
	}
}

func TestCommandsOfAssembledServicesAreInTheirImages(t *testing.T) {
	c := catalog.Default()
	for _, serviceType := range c.ServiceTypes() {
		for _, version := range c.ServiceVersions(serviceType) {
			s, _ := c.Service(serviceType, version)
			if s.Image.Debian == nil {
				continue
			}
			for _, command := range [][]string{s.Command, s.Health, s.SetupCommand} {
				if len(command) > 0 && strings.HasPrefix(command[0], "/") && !hasFile(s.Image, command[0]) {
					t.Errorf("%s:%s runs %s, which is not in its image", serviceType, version, command[0])
				}
			}
		}
	}
}

func hasFile(img catalog.Image, name string) bool {
	return slices.ContainsFunc(img.Debian.Files, func(f catalog.File) bool {
		return f.Path == name && f.Mode == 0o755
	})
}

func TestImagesWithTheSameNameAreTheSame(t *testing.T) {
	c := catalog.Default()
	for _, serviceType := range c.ServiceTypes() {
		for _, version := range c.ServiceVersions(serviceType) {
			s, _ := c.Service(serviceType, version)
			i := slices.IndexFunc(c.Images(), func(img catalog.Image) bool { return img.Name == s.Image.Name })
			if diff := cmp.Diff(c.Images()[i], s.Image); diff != "" {
				t.Errorf("%s:%s: %s", serviceType, version, diff)
			}
		}
	}
}

func TestSiblingsAreAssembledVersions(t *testing.T) {
	c := catalog.Default()
	s, _ := c.Service("mysql", "10.6")
	want := []string{"mariadb-10.11", "mariadb-10.5", "mariadb-11.8"}
	if diff := cmp.Diff(want, c.Siblings(s.Image)); diff != "" {
		t.Errorf("siblings (-want +got):\n%s", diff)
	}
}

// Files .environment of real projects read the relationships with jq, and their hooks fetch
// and unpack archives: without these a deployment fails at its first line.
func TestRuntimeImagesHaveWhatHooksCall(t *testing.T) {
	c := catalog.Default()
	for _, version := range []string{"7.4", "8.2", "8.4"} {
		r, ok := c.Runtime("php", version)
		if !ok || r.Image.Debian == nil {
			t.Fatalf("php %s is not assembled", version)
		}
		for _, name := range []string{"curl", "git", "jq", "mariadb-client", "patch", "rsync", "unzip", "wget", "zip"} {
			if !slices.Contains(r.Image.Debian.Packages, name) {
				t.Errorf("php %s has no %s", version, name)
			}
		}
	}
}
