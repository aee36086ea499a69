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
		"only unsecure":  {routes("http://shop.test/ http://{default}/ upstream"), "[{ http://shop.test/}] [{ https://shop.test/}]"},
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
