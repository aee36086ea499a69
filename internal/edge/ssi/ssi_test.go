package ssi

import (
	"bytes"
	"errors"
	"flag"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"
)

var update = flag.Bool("update", false, "rewrite the expected outputs of testdata")

// site is what testdata can include.
func site(uri string) ([]byte, error) {
	switch uri {
	case "/hello":
		return []byte("HELLO"), nil
	case "/blank":
		return []byte(" \n"), nil
	case "/shop/part?x=1":
		return []byte("PART"), nil
	}
	if text, ok := strings.CutPrefix(uri, "/echo?"); ok {
		return []byte("<" + text + ">"), nil
	}
	return nil, errors.New("no such part: " + uri)
}

func request(name string) (string, bool) {
	v, ok := map[string]string{"host": "shop.test", "arg_q": "<b>", "uri": "/shop/page.html"}[name]
	return v, ok
}

// TestExpand plays testdata/expand.txtar: pairs of a document and what becomes of it.
func TestExpand(t *testing.T) {
	const file = "testdata/expand.txtar"
	ar, err := txtar.ParseFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i+1 < len(ar.Files); i += 2 {
		doc, want := ar.Files[i], &ar.Files[i+1]
		t.Run(doc.Name, func(t *testing.T) {
			got, err := Expand(doc.Data, Source{Include: site, Variable: request, Path: "/shop/page.html"})
			if err != nil {
				t.Fatal(err)
			}
			if *update {
				want.Data = got
			} else if diff := cmp.Diff(string(want.Data), string(got)); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
	if *update {
		if err := os.WriteFile(file, txtar.Format(ar), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

func TestLimits(t *testing.T) {
	big := bytes.Repeat([]byte("x"), 1<<20)
	doc := strings.Repeat(`<!--# include virtual="/big" -->`, 20)
	_, err := Expand([]byte(doc), Source{Include: func(string) ([]byte, error) { return big, nil }})
	if !errors.Is(err, ErrTooLarge) {
		t.Errorf("got %v", err)
	}
	doc = `<!--# set var="a" value="0123456789abcdef" -->` + strings.Repeat(`<!--# set var="a" value="$a$a" -->`, 40) + `<!--# echo var="a" -->`
	out, err := Expand([]byte(doc), Source{})
	if err != nil || len(out) > 2*maxValue {
		t.Errorf("%d bytes, %v", len(out), err)
	}
	long := `<!--# echo var="` + strings.Repeat("a", maxDirective) + `" -->`
	if out, _ := Expand([]byte(long), Source{}); string(out) != long {
		t.Error("an endless directive is not text")
	}
}

func FuzzExpand(f *testing.F) {
	ar, err := txtar.ParseFile("testdata/expand.txtar")
	if err != nil {
		f.Fatal(err)
	}
	for _, file := range ar.Files {
		f.Add(string(file.Data))
	}
	f.Fuzz(func(t *testing.T, doc string) {
		n := 0
		out, err := Expand([]byte(doc), Source{Variable: request, Path: "/shop/page.html", Include: func(uri string) ([]byte, error) {
			if n++; n > MaxIncludes || !strings.HasPrefix(uri, "/") || strings.HasPrefix(uri, "//") || strings.ContainsAny(uri, "\r\n") {
				return nil, errors.New("refused")
			}
			return []byte("part"), nil
		}})
		switch {
		case err != nil && !errors.Is(err, ErrTooLarge):
			t.Error(err)
		case err == nil && !Has([]byte(doc)) && string(out) != doc:
			t.Errorf("%q became %q", doc, out)
		}
	})
}
