package docker

import (
	"net/netip"
	"slices"
	"strings"
	"testing"

	"sluice/internal/engine"
)

func TestFilesDir(t *testing.T) {
	for _, test := range []struct {
		paths []string
		want  string
	}{
		{nil, ""},
		{[]string{"/etc/sluice/php.ini"}, "/etc/sluice"},
		{[]string{"/etc/sluice/nginx/nginx.conf", "/etc/sluice/php.ini"}, "/etc/sluice"},
		{[]string{"/etc/sluice/a/x", "/etc/sluice/ab/x"}, "/etc/sluice"},
		{[]string{"/etc/a/x", "/opt/b"}, "/"},
	} {
		var files []engine.File
		for _, p := range test.paths {
			files = append(files, engine.File{Path: p})
		}
		if got := filesDir(files); got != test.want {
			t.Errorf("%q: got %q, want %q", test.paths, got, test.want)
		}
	}
}

func TestUpperHalf(t *testing.T) {
	for subnet, want := range map[string]string{
		"10.0.1.0/24": "10.0.1.128/25",
		"10.0.0.0/16": "10.0.128.0/17",
		"10.0.4.0/22": "10.0.6.0/23",
	} {
		if got := upperHalf(netip.MustParsePrefix(subnet)).String(); got != want {
			t.Errorf("%s: got %s, want %s", subnet, got, want)
		}
	}
}

func TestHostileSpecificationsAreRefused(t *testing.T) {
	for name, test := range map[string]struct {
		change func(*engine.Spec)
		want   string
	}{
		"environment leaves its directory": {func(s *engine.Spec) { s.Environment = "../x" }, "is not a valid name"},
		"release is empty":                 {func(s *engine.Spec) { s.Release = "" }, "is not a valid name"},
		"volume leaves its directory":      {func(s *engine.Spec) { s.Apps[0].Mounts[0].Volume = ".." }, "is not a valid name for a volume"},
		"container is a path":              {func(s *engine.Spec) { s.Workers[0].Name = "a/b" }, "is not a valid name for a container"},
		"mount hides the root":             {func(s *engine.Spec) { s.Apps[0].Mounts[0].Target = "/" }, "is not an absolute path"},
		"mount target is relative":         {func(s *engine.Spec) { s.Apps[0].Mounts[0].Target = "/a/../b" }, "is not an absolute path"},
		"files hide /etc": {func(s *engine.Spec) {
			s.Apps[0].Files = []engine.File{{Path: "/etc/passwd"}}
		}, `only "/etc" in common`},
		"link to nothing": {func(s *engine.Spec) {
			s.Apps[0].Links = map[string]string{"db.internal": "none"}
		}, "not in the specification"},
		"two of a name":   {func(s *engine.Spec) { s.Workers[0].Name = "mysql" }, "two containers"},
		"not a subnet":    {func(s *engine.Spec) { s.Subnet = "10.0.1.0" }, "subnet"},
		"service address": {func(s *engine.Spec) { s.Services[0].Address = "x" }, "address of service mysql"},
	} {
		t.Run(name, func(t *testing.T) {
			spec := planSpec()
			test.change(&spec)
			_, err := newDesired(newNaming("sluice", "/data"), spec)
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got error %v, want one with %q", err, test.want)
			}
		})
	}
}

func TestLinksLeadToTheSameRelease(t *testing.T) {
	spec := planSpec()
	spec.Workers[0].Links = map[string]string{"database.internal": "mysql", "app.internal": "shop"}
	spec.Services[1].Links = map[string]string{"app.internal": "shop"}
	d, err := newDesired(newNaming("sluice", "/data"), spec)
	if err != nil {
		t.Fatal(err)
	}
	if want := []string{"database.internal:10.0.1.10"}; !slices.Equal(d.workers[0].hosts, want) {
		t.Errorf("got hosts %q, want %q", d.workers[0].hosts, want)
	}
	if want := []string{"sluice-shop-main-r2-shop:app.internal"}; !slices.Equal(d.workers[0].aliases, want) {
		t.Errorf("got aliases %q, want %q", d.workers[0].aliases, want)
	}
	if want := []string{"shop:app.internal"}; !slices.Equal(d.services[1].aliases, want) {
		t.Errorf("got aliases of a service %q, want %q", d.services[1].aliases, want)
	}
}
