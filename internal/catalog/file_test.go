package catalog_test

import (
	"strings"
	"testing"
	"time"

	"sluice/internal/catalog"
)

func TestOperatorsFileOverridesAndAdds(t *testing.T) {
	before := catalog.Default()
	after, err := before.WithOverrides(strings.NewReader(`{
		"runtimes": {"php": {"8.3": {"image": "registry.example.org/php:8.3", "end_of_life": "2027-12-31"}}},
		"services": {
			"mysql": {"10.6": {"image": "registry.example.org/mariadb:10.6", "user": "1001:1001"}},
			"redis": {"7.4": {"image": "registry.example.org/redis:7.4"}}
		}
	}`))
	if err != nil {
		t.Fatal(err)
	}
	php, _ := after.Runtime("php", "8.3")
	if php.Image.Reference != "registry.example.org/php:8.3" || php.EndOfLife.Year() != 2027 {
		t.Errorf("php:8.3 is %+v", php.Image)
	}
	for _, serviceType := range []string{"mysql", "mariadb"} {
		s, _ := after.Service(serviceType, "10.6")
		if s.Image.Reference != "registry.example.org/mariadb:10.6" || s.User != "1001:1001" || s.Port != 3306 {
			t.Errorf("%s:10.6 is %+v", serviceType, s)
		}
	}
	if _, ok := after.Service("redis-persistent", "7.4"); !ok {
		t.Error("redis-persistent does not have the version added to redis")
	}
	if _, ok := before.Service("redis", "7.4"); ok {
		t.Error("the catalog that was overridden has changed")
	}
	if s, _ := before.Service("mysql", "10.6"); s.User == "1001:1001" {
		t.Error("an entry of the catalog that was overridden has changed")
	}
}

func TestOperatorsFileMistakesAreNamed(t *testing.T) {
	for name, tt := range map[string]struct{ file, want string }{
		"no JSON":         {"services:\n  mysql: {}\n", "near line 1"},
		"unknown key":     {`{"servces": {}}`, `unknown field "servces"`},
		"unknown field":   {`{"services": {"mysql": {"10.6": {"img": "x"}}}}`, `unknown field "img"`},
		"unknown service": {`{"services": {"oracle": {"19": {"image": "x"}}}}`, "the types are: elasticsearch, memcached, mysql"},
		"unknown runtime": {`{"runtimes": {"cobol": {"1": {"image": "x"}}}}`, "runtimes: cobol"},
		"no source":       {`{"services": {"mysql": {"10.6": {}}}}`, `services: mysql: "10.6": say where it comes from`},
		"two sources":     {`{"services": {"mysql": {"10.6": {"image": "x", "debian": "bookworm"}}}}`, "not both"},
		"wrong suite":     {`{"services": {"mysql": {"10.6": {"debian": "bookworm"}}}}`, "bookworm (10.11), bullseye (10.5), trixie (11.8)"},
		"no suite at all": {`{"services": {"opensearch": {"2": {"debian": "bookworm"}}}}`, "Debian does not package it"},
		"bad version":     {`{"services": {"mysql": {"../x": {"image": "x"}}}}`, "a version is made of"},
		"bad reference":   {`{"services": {"mysql": {"10.6": {"image": "-x y"}}}}`, "is not an OCI reference"},
		"bad date":        {`{"services": {"mysql": {"10.6": {"image": "x", "end_of_life": "soon"}}}}`, `"soon"`},
		"more after it":   {`{} {}`, "after the end"},
		"too large":       {strings.Repeat(" ", 1<<20+1), "larger than"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := catalog.Default().WithOverrides(strings.NewReader(tt.file))
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error is %v, want it to contain %q", err, tt.want)
			}
		})
	}
}

func TestEndOfLifeIsADay(t *testing.T) {
	s, _ := catalog.Default().Service("mysql", "10.6")
	if want := time.Date(2026, 7, 6, 0, 0, 0, 0, time.UTC); !s.EndOfLife.Equal(want) {
		t.Errorf("end of life of mysql:10.6 is %v, want %v", s.EndOfLife, want)
	}
}

func FuzzWithOverrides(f *testing.F) {
	f.Add(`{"services": {"mysql": {"10.6": {"image": "x"}}}}`)
	f.Add(`{"runtimes": {"php": {"8.2": {"debian": "bookworm"}}}}`)
	f.Fuzz(func(t *testing.T, text string) {
		c, err := catalog.Default().WithOverrides(strings.NewReader(text))
		if err == nil && len(c.ServiceTypes()) < len(catalog.Default().ServiceTypes()) {
			t.Error("a file took a service away")
		}
	})
}
