package routes_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"sluice/internal/toolkit/phparray"
	"sluice/internal/toolkit/routes"
)

func TestFrom(t *testing.T) {
	type pair = routes.URL
	for _, c := range []struct {
		name, platform string
		want           routes.URLs
	}{
		{
			"both schemes",
			`{"http://shop.example/": {"type": "upstream", "original_url": "http://{default}/"},
			  "https://shop.example/": {"type": "upstream", "original_url": "https://{default}/"},
			  "https://old.example/": {"type": "redirect", "original_url": "https://old.example/"}}`,
			routes.URLs{Secure: []pair{{"", "https://shop.example/"}}, Unsecure: []pair{{"", "http://shop.example/"}}},
		},
		{
			"keys",
			`{"https://www.shop.example/": {"type": "upstream", "original_url": "https://www.{default}/"},
			  "https://*.shop.example/": {"type": "upstream", "original_url": "https://*.{default}/"},
			  "https://french.shop.example/": {"type": "upstream", "original_url": "https://french.{default}/"},
			  "https://all.example/": {"type": "upstream", "original_url": "https://{all}/"},
			  "https://fixed.example/de/": {"type": "upstream", "original_url": "https://fixed.example/de/"}}`,
			routes.URLs{
				Secure: []pair{
					{"", "https://www.shop.example/"},
					{"*", "https://*.shop.example/"},
					{"french", "https://french.shop.example/"},
					{"{all}", "https://all.example/"},
					{"fixed.example", "https://fixed.example/de/"},
				},
				Unsecure: []pair{
					{"", "https://www.shop.example/"},
					{"*", "https://*.shop.example/"},
					{"french", "https://french.shop.example/"},
					{"{all}", "https://all.example/"},
					{"fixed.example", "https://fixed.example/de/"},
				},
			},
		},
		{
			"only http",
			`{"http://shop.example/": {"type": "upstream", "original_url": "http://{default}/"}}`,
			routes.URLs{Secure: []pair{{"", "https://shop.example/"}}, Unsecure: []pair{{"", "http://shop.example/"}}},
		},
		{
			"primary",
			`{"https://a.example/": {"type": "upstream", "original_url": "https://a.{default}/", "primary": false},
			  "https://b.example/": {"type": "upstream", "original_url": "https://b.{default}/", "primary": true},
			  "https://c.example/": {"type": "redirect", "original_url": "https://c.{default}/", "primary": true}}`,
			routes.URLs{Secure: []pair{{"b", "https://b.example/"}}, Unsecure: []pair{{"b", "https://b.example/"}}},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := routes.From(decode(t, c.platform))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
			if base := got.SecureBase(); base != c.want.Secure[0].URL {
				t.Errorf("base %s", base)
			}
		})
	}
}

func TestNoRoute(t *testing.T) {
	for _, platform := range []string{`{}`, `{"https://a/": {"type": "redirect", "original_url": "https://{default}/"}}`, `{"x": 1}`, `{"a": {"type": "upstream"}}`} {
		if _, err := routes.From(decode(t, platform)); err == nil || err.Error() != "Expected at least one valid unsecure or secure route. None found." {
			t.Errorf("%s: %v", platform, err)
		}
	}
}

func decode(t *testing.T, text string) *phparray.Array {
	t.Helper()
	v, err := phparray.DecodeJSON([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	a, _ := v.(*phparray.Array)
	return a
}
