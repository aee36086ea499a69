package edge

import (
	"strings"
	"testing"

	"sluice/internal/platform"
)

func TestAHostBelongsToOneProject(t *testing.T) {
	const victim, evil = "victim", "evil"
	for _, tt := range []struct {
		name        string
		held, claim string // URLs
		by          string // whose claim it is
		ok          bool
	}{
		{"same URL", "http://www.victim.test/", "http://www.victim.test/", evil, false},
		{"another path", "http://www.victim.test/", "http://www.victim.test/checkout/", evil, false},
		{"another scheme", "http://www.victim.test/", "https://www.victim.test/checkout/", evil, false},
		{"another port", "http://www.victim.test/", "http://www.victim.test:8080/x/", evil, false},
		{"another case", "http://www.victim.test/", "http://WWW.Victim.test./x/", evil, false},
		{"below a wildcard", "http://*.victim.test/", "http://www.victim.test/", evil, false},
		{"far below a wildcard", "http://*.victim.test/", "http://a.b.victim.test/", evil, false},
		{"wildcard over a host", "http://www.victim.test/", "http://*.victim.test/x/", evil, false},
		{"wildcard over a wildcard", "http://*.shop.victim.test/", "http://*.test/x/", evil, false},
		{"wildcard within a wildcard", "http://*.test/", "http://*.shop.victim.test/x/", evil, false},
		{"parent of a host", "http://www.victim.test/", "http://victim.test/", evil, true},
		{"parent of a wildcard", "http://*.victim.test/", "http://victim.test/", evil, true},
		{"sibling", "http://www.victim.test/", "http://www2.victim.test/", evil, true},
		{"other suffix", "http://*.victim.test/", "http://www.notvictim.test/", evil, true},
		{"own project", "http://www.victim.test/", "http://www.victim.test/checkout/", victim, true},
		{"own wildcard", "http://www.victim.test/", "http://*.victim.test/", victim, true},
		{"own URL", "http://www.victim.test/", "http://www.victim.test/", victim, false},
	} {
		r, err := New(Options{})
		if err != nil {
			t.Fatal(err)
		}
		publish := func(project, env, url string) error {
			p := publication("r1")
			p.Project, p.Environment = project, platform.EnvironmentID(env)
			p.Routes[0].URL = url
			p.Routes[0].TLS.MinVersion = map[string]string{evil: "TLSv1.3"}[project]
			_, err := r.Publish(t.Context(), p)
			return err
		}
		if err := publish(victim, "victim-main", tt.held); err != nil {
			t.Fatal(err)
		}
		err = publish(tt.by, tt.by+"-branch", tt.claim)
		if (err == nil) != tt.ok || err != nil && platform.ErrorCode(err) != platform.CodeConflict {
			t.Errorf("%s: %v", tt.name, err)
		}
		if err != nil && tt.by == evil && strings.Contains(err.Error(), "victim-main") {
			t.Errorf("%s: the error names another project's environment: %v", tt.name, err)
		}
		if err != nil && tt.by == evil {
			if policy, _ := r.TLSPolicy("www.victim.test"); policy.MinVersion != 0 {
				t.Errorf("%s: TLS rules were changed", tt.name)
			}
			if r.Serves(evil, "www.victim.test") || r.Serves(evil, "*.victim.test") {
				t.Errorf("%s: a certificate of the other project would be shown", tt.name)
			}
		}
		r.Finish()
	}
}

// TestHostsOfAnOldStateFile: publications of version 1 state files name no project.
func TestHostsOfAnOldStateFile(t *testing.T) {
	r, err := New(Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(r.Finish)
	publish := func(project, env, url string) error {
		p := publication("r1")
		p.Project, p.Environment = project, platform.EnvironmentID(env)
		p.Routes[0].URL = url
		_, err := r.Publish(t.Context(), p)
		return err
	}
	if err := publish("", "shop-main", "http://shop.test/"); err != nil {
		t.Fatal(err)
	}
	if err := publish("", "third-main", "http://shop.test/third/"); err != nil {
		t.Errorf("both without a project: %v", err)
	}
	if err := r.Forget(t.Context(), "third-main"); err != nil {
		t.Fatal(err)
	}
	if err := publish("shop", "shop-other", "http://shop.test/other/"); err != nil {
		t.Errorf("the same project: %v", err)
	}
	if err := publish("evil", "evil-main", "http://shop.test/evil/"); platform.ErrorCode(err) != platform.CodeConflict {
		t.Errorf("another project: %v", err)
	}
}

func TestWildcardsStandForTheFirstPartOfAName(t *testing.T) {
	r, err := New(Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(r.Finish)
	for url, ok := range map[string]bool{
		"http://*.shop.test/": true, "http://*/": false, "http://www.*.test/": false, "http://*shop.test/": false, "http://*.*.test/": false,
	} {
		p := publication("r1")
		p.Routes[0].URL = url
		if _, err := r.Publish(t.Context(), p); (err == nil) != ok || !ok && platform.ErrorCode(err) != platform.CodeInvalid {
			t.Errorf("%s: %v", url, err)
		}
	}
}
