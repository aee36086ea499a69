package urlmap

import (
	"fmt"
	"strings"
	"testing"

	"sluice/internal/toolkit/phparray"
)

func routes(lines ...string) *phparray.Array {
	a := phparray.New()
	for _, line := range lines {
		f := strings.Fields(line)
		a.Set(f[0], phparray.Map("original_url", f[1], "type", f[2], "primary", len(f) > 3))
	}
	return a
}

func TestFrom(t *testing.T) {
	for name, c := range map[string]struct {
		routes *phparray.Array
		want   string
	}{
		"both schemes": {routes("https://shop.test/ https://{default}/ upstream", "http://shop.test/ http://{default}/ upstream"), "[{ http://shop.test/}] [{ https://shop.test/}]"},
		"stores": {
			routes("https://shop.test/ https://www.{default}/ upstream", "https://french.shop.test/ https://french.{default}/ upstream", "https://x.shop.test/ https://*.{default}/ upstream", "https://other.test/ https://other.test/ upstream", "https://{all}/ https://{all}/ upstream"),
			"[{ https://shop.test/} {french https://french.shop.test/} {* https://x.shop.test/} {other.test https://other.test/} {{all} https://{all}/}]",
		},
		"only unsecure": {routes("http://shop.test/ http://{default}/ upstream"), "[{ http://shop.test/}] [{ http://shop.test/}]"},
		"only secure":   {routes("https://shop.test/ https://{default}/ upstream", "http://shop.test/ http://{default}/ redirect"), "[{ https://shop.test/}] [{ https://shop.test/}]"},
		"ports":         {routes("http://shop.test:8080/ http://{default}/ upstream"), "[{ http://shop.test:8080/}] [{ http://shop.test:8080/}]"},
		"two ports":     {routes("http://shop.test:8080/ http://{default}/ upstream", "https://shop.test:8443/ https://{default}/ upstream"), "[{ https://shop.test:8443/}] [{ https://shop.test:8443/}]"},
		"usual ports":   {routes("http://shop.test:80/ http://{default}/ upstream", "https://shop.test/ https://{default}/ upstream"), "[{ http://shop.test:80/}] [{ https://shop.test/}]"},
		"https is not primary": {
			routes("http://shop.test/ http://{default}/ upstream primary", "https://shop.test/ https://{default}/ upstream", "https://b.test/ https://b.test/ upstream"),
			"[{ http://shop.test/}] [{ https://shop.test/}]",
		},
		"redirects":      {routes("http://shop.test/ http://{default}/ upstream", "http://www.shop.test/ http://www.{default}/ redirect"), "[{ http://shop.test/}]"},
		"primary":        {routes("http://shop.test/ http://{default}/ upstream", "http://b.test/ http://b.test/ upstream primary"), "[{b.test http://b.test/}]"},
		"nothing at all": {routes("http://www.shop.test/ http://www.{default}/ redirect"), "Expected at least one valid unsecure or secure route. None found."},
	} {
		t.Run(name, func(t *testing.T) {
			m, err := From(c.routes)
			got := fmt.Sprint(m.Unsecure, m.Secure)
			if err != nil {
				got = err.Error()
			}
			if !strings.HasPrefix(got, c.want) {
				t.Errorf("got %s, want %s", got, c.want)
			}
		})
	}
}

func TestDefaultIsTheEmptyKeyOrTheFirst(t *testing.T) {
	if got := Default([]Site{{"a", "http://a/"}, {"", "http://b/"}}); got != "http://b/" {
		t.Error(got)
	}
	if got := Default([]Site{{"a", "http://a/"}}); got != "http://a/" {
		t.Error(got)
	}
	if got := Default(nil); got != "" || (&Map{}).Base() != "" {
		t.Error(got)
	}
}

func TestReplacements(t *testing.T) {
	const both, plain, ports, tls = "http://dev.test/ http://{default}/ upstream|https://dev.test/ https://{default}/ upstream",
		"http://dev.test:8080/ http://{default}/ upstream", "http://dev.test:8080/ http://{default}/ upstream|https://dev.test:8443/ https://{default}/ upstream",
		"https://dev.test/ https://{default}/ upstream|http://dev.test/ http://{default}/ redirect"
	for name, c := range map[string]struct {
		routes, unsecure, secure string
		log                      string   // of the replacements
		texts                    []string // before and after
	}{
		"a dump of the live shop": {both, "http://www.live.test/", "https://www.live.test/", "www.live.test => dev.test", []string{
			"http://www.live.test/", "http://dev.test/",
			"https://fr.www.live.test/x", "https://fr.dev.test/x",
			"www.live.test", "dev.test",
			".www.live.test", ".dev.test",
			"//www.live.test/media/", "//dev.test/media/",
			`{"u":"https:\/\/www.live.test\/a"}`, `{"u":"https:\/\/dev.test\/a"}`,
			"http://www.live.test:9200/", "http://dev.test:9200/",
			"awww.live.test www.live.test.example", "awww.live.test www.live.test.example",
			"mail@www.live.test, http://www.live.test.", "mail@dev.test, http://dev.test.",
		}},
		"in an environment at a port": {plain, "http://www.live.test/", "https://www.live.test/", "www.live.test => dev.test:8080", []string{
			"https://www.live.test/", "http://dev.test:8080/",
			"https://fr.www.live.test/", "http://fr.dev.test:8080/",
			"www.live.test", "dev.test",
		}},
		"from a port": {both, "http://old.test:38080/", "https://old.test:38443/", "old.test:38443 => dev.test", []string{
			"http://old.test:38080/a", "http://dev.test/a",
			"https://old.test:38443/a", "https://dev.test/a",
			"old.test:38443", "dev.test",
		}},
		"from one port to another": {plain, "http://old.test:8081/", "http://old.test:8081/", "old.test:8081 => dev.test:8080", []string{
			"http://old.test:8081/", "http://dev.test:8080/",
			"http://old.test/", "http://dev.test:8080/",
		}},
		"TLS on the port of plain HTTP": {plain, "http://dev.test:8080/", "https://dev.test:8080/", "https://dev.test:8080 => http://dev.test:8080", []string{
			"https://dev.test:8080/", "http://dev.test:8080/",
			"http://dev.test:8080/", "http://dev.test:8080/",
		}},
		"a port for TLS was added": {ports, "http://dev.test:8080/", "https://dev.test:8080/", "dev.test:8080 => dev.test:8443", []string{
			"https://dev.test:8080/", "https://dev.test:8443/",
			"http://dev.test:8080/", "https://dev.test:8443/",
		}},
		"TLS only was added": {tls, "http://dev.test/", "http://dev.test/", "http://dev.test => https://dev.test", []string{
			"http://dev.test/", "https://dev.test/",
		}},
		"TLS ends in front of the platform":  {"http://dev.test/ http://{default}/ upstream", "http://dev.test/", "https://dev.test/", "", nil},
		"all is as it should be":             {both, "http://dev.test/", "https://dev.test/", "", nil},
		"a placeholder":                      {both, "{{base_url}}", "{{base_url}}", "", nil},
		"TLS everywhere by choice":           {both, "https://dev.test/", "https://dev.test/", "", nil},
		"no route of the project's own host": {"https://a.test/ https://a.{default}/ upstream", "http://old.test/", "https://old.test/", "", nil},
		"a host within the new one": {
			"http://env.shop.test/ http://{default}/ upstream|https://env.shop.test/ https://{default}/ upstream", "http://shop.test/", "https://www.shop.test/",
			"www.shop.test => env.shop.test, shop.test => env.shop.test",
			[]string{
				"https://www.shop.test/", "https://env.shop.test/", "http://shop.test/", "http://env.shop.test/", "http://env.shop.test/", "http://env.shop.test/",
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			m, err := From(routes(strings.Split(c.routes, "|")...))
			if err != nil {
				t.Fatal(err)
			}
			all := m.Replacements(map[string]string{"unsecure": c.unsecure, "secure": c.secure})
			var log []string
			for _, r := range all {
				log = append(log, r.Old+" => "+r.New)
			}
			if got := strings.Join(log, ", "); got != c.log {
				t.Errorf("replaces %s, want %s", got, c.log)
			}
			for i := 0; i < len(c.texts); i += 2 {
				if got := applied(c.texts[i], all); got != c.texts[i+1] {
					t.Errorf("%s became %s, want %s", c.texts[i], got, c.texts[i+1])
				}
			}
		})
	}
}

// applied applies the replacements twice: what they give is not replaced again.
func applied(text string, all []Replacement) string {
	for range 2 {
		for _, r := range all {
			text = r.Apply(text)
		}
	}
	return text
}

func FuzzApply(f *testing.F) {
	f.Add("https://www.live.test:1/ //live.test", "live.test")
	f.Fuzz(func(t *testing.T, text, host string) {
		m, err := From(routes("http://dev.test:8080/ http://{default}/ upstream"))
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range m.Replacements(map[string]string{"unsecure": "http://" + host + "/"}) {
			r.Apply(text)
		}
	})
}
