package ssi_test

import (
	"errors"
	"strings"
	"testing"

	"sluice/internal/edge/ssi"
)

func esi(t *testing.T, doc string) (string, []string) {
	t.Helper()
	var asked []string
	out, err := ssi.ExpandESI([]byte(doc), func(src string) ([]byte, error) {
		asked = append(asked, src)
		if strings.Contains(src, "fail") {
			return nil, errors.New("not there")
		}
		return []byte("[" + src + "]"), nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return string(out), asked
}

func TestEdgeSideIncludes(t *testing.T) {
	for doc, want := range map[string]string{
		`no includes`: `no includes`,
		`a<esi:include src="http://shop.test/page_cache/block/esi/blocks/%5B%22catalog.topnav%22%5D/" />b`: `a[http://shop.test/page_cache/block/esi/blocks/%5B%22catalog.topnav%22%5D/]b`,
		`<esi:include src='/a'/><esi:include  onerror="continue" src="/b"/>`:                               `[/a][/b]`,
		`<esi:include src="/a?x=1&amp;y=2"/>`:                                                              `[/a?x=1&y=2]`,
		`<esi:include src="/a>b"/>`:                                                                        `[/a>b]`,
		`<esi:include src="/a"></esi:include>b`:                                                            `[/a]b`,
		`a<esi:include src="/fail"/>b`:                                                                     `ab`,
		`a<esi:remove><p>no</p></esi:remove>b`:                                                             `ab`,
		`<esi:remove>never ends <esi:include src="/a"/>`:                                                   `<esi:remove>never ends [/a]`,
		`<esi:include />`:                                        `<esi:include />`,
		`<esi:include src=/a />`:                                 `<esi:include src=/a />`,
		`<esi:include src="/a`:                                   `<esi:include src="/a`,
		`<esi:includes src="/a"/>`:                               `<esi:includes src="/a"/>`,
		`<esi:vars>$(X)</esi:vars>`:                              `<esi:vars>$(X)</esi:vars>`,
		`<esi:include src="` + strings.Repeat("x", 9000) + `"/>`: `<esi:include src="` + strings.Repeat("x", 9000) + `"/>`,
	} {
		if got, _ := esi(t, doc); got != want {
			t.Errorf("%.80q\ngot  %.120q\nwant %.120q", doc, got, want)
		}
	}
	if !ssi.HasESI([]byte("a<esi:remove>")) || ssi.HasESI([]byte("a<esi")) {
		t.Error("HasESI")
	}
}

func TestEdgeSideIncludesAreBounded(t *testing.T) {
	large := make([]byte, ssi.MaxOutput/2)
	_, err := ssi.ExpandESI([]byte(strings.Repeat(`<esi:include src="/a"/>`, 3)), func(string) ([]byte, error) { return large, nil })
	if !errors.Is(err, ssi.ErrTooLarge) {
		t.Errorf("%v", err)
	}
	broken := strings.Repeat("<esi:include ", 100_000) // each looks for its end
	if got, asked := esi(t, broken+`<esi:include src="/late"/>`); len(asked) != 0 || !strings.HasPrefix(got, broken) {
		t.Errorf("asked for %q", asked)
	}
}

func FuzzExpandESI(f *testing.F) {
	f.Add(`a<esi:include src="/x"/>b<esi:remove>c</esi:remove>`)
	f.Fuzz(func(t *testing.T, doc string) {
		out, err := ssi.ExpandESI([]byte(doc), func(string) ([]byte, error) { return nil, nil })
		if err != nil || len(out) > len(doc) {
			t.Errorf("%q became %q, %v", doc, out, err)
		}
	})
}
