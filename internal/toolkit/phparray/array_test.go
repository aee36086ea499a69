package phparray_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"sluice/internal/toolkit/phparray"
)

func decode(t *testing.T, src string) *phparray.Array {
	t.Helper()
	v, err := phparray.DecodeJSON([]byte(src))
	if err != nil {
		t.Fatalf("%s: %v", src, err)
	}
	a, ok := v.(*phparray.Array)
	if !ok {
		t.Fatalf("%s is not an array", src)
	}
	return a
}

func same(t *testing.T, want, got *phparray.Array) {
	t.Helper()
	if diff := cmp.Diff(string(phparray.ExportShort(want)), string(phparray.ExportShort(got))); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if !want.Equal(got) {
		t.Error("not equal")
	}
}

func TestReplace(t *testing.T) {
	for _, c := range []struct{ base, later, want string }{
		{`{"a": 1, "b": {"c": 2, "d": 3}}`, `{"b": {"d": 4, "e": 5}, "f": 6}`, `{"a": 1, "b": {"c": 2, "d": 4, "e": 5}, "f": 6}`},
		{`{"l": [1, 2, 3]}`, `{"l": [9]}`, `{"l": [9, 2, 3]}`},
		{`{"l": [1, 2, 3]}`, `{"l": []}`, `{"l": [1, 2, 3]}`},
		{`{"l": [1]}`, `{"l": "x"}`, `{"l": "x"}`},
		{`{"l": "x"}`, `{"l": {"a": null}}`, `{"l": {"a": null}}`},
		{`{"a": 1}`, `{"a": null}`, `{"a": null}`},
	} {
		base, later := decode(t, c.base), decode(t, c.later)
		same(t, decode(t, c.want), phparray.Replace(base, later))
		same(t, decode(t, c.base), base)
		same(t, decode(t, c.later), later)
	}
}

func TestMerge(t *testing.T) {
	const generated = `{"save": "redis", "redis": {"host": "r", "port": 6379}}`
	for _, c := range []struct{ custom, want string }{
		{`{}`, generated},
		{`{"_merge": true}`, generated},
		{`{"_merge": false}`, generated},
		{`{"save": "files"}`, `{"save": "files"}`},
		{`{"save": "files", "_merge": false}`, `{"save": "files"}`},
		{`{"redis": {"port": 1}, "_merge": true}`, `{"save": "redis", "redis": {"host": "r", "port": 1}}`},
		{`{"redis": {"port": 1}, "_merge": "1"}`, `{"save": "redis", "redis": {"host": "r", "port": 1}}`},
		{`{"redis": {"port": 1}, "_merge": "0"}`, `{"redis": {"port": 1}}`},
	} {
		same(t, decode(t, c.want), phparray.Merge(decode(t, generated), decode(t, c.custom)))
	}
}

func TestPaths(t *testing.T) {
	a := phparray.New()
	a.SetAt("db", "db", "connection", "default", "host")
	a.SetAt(1, "db", "connection", "default", "1001")
	a.SetAt("x", "db", "connection", "default", "host", "deeper")
	a.Unset("db", "connection", "none", "at", "all")
	same(t, decode(t, `{"db": {"connection": {"default": {"host": {"deeper": "x"}, "1001": 1}}}}`), a)
	if a.Text("db", "connection", "default", "1001") != "1" || a.Has("db", "x") || a.Get("x", "y") != nil {
		t.Error("wrong values")
	}
	copied := a.Clone()
	a.Unset("db", "connection", "default", "host")
	same(t, decode(t, `{"db": {"connection": {"default": {"1001": 1}}}}`), a)
	if !copied.Has("db", "connection", "default", "host") {
		t.Error("the copy shares its values")
	}
}

func TestScalars(t *testing.T) {
	for _, c := range []struct {
		v      any
		truthy bool
		text   string
		number int
	}{
		{nil, false, "", 0},
		{true, true, "1", 1},
		{0, false, "0", 0},
		{-7, true, "-7", -7},
		{0.0, false, "0", 0},
		{1e15, true, "1.0E+15", 1000000000000000},
		{0.1 + 0.2, true, "0.3", 0},
		{"0", false, "0", 0},
		{"0.0", true, "0.0", 0},
		{" 12 ", true, " 12 ", 12},
		{"1e3", true, "1e3", 1000},
		{"12abc", true, "12abc", 12},
		{"0x1A", true, "0x1A", 0},
		{phparray.New(), false, "", 0},
		{phparray.List(1), true, "", 1},
	} {
		if phparray.Truthy(c.v) != c.truthy || phparray.String(c.v) != c.text || phparray.Number(c.v) != c.number {
			t.Errorf("%#v: %t %q %d", c.v, phparray.Truthy(c.v), phparray.String(c.v), phparray.Number(c.v))
		}
	}
}

func TestDecodeJSON(t *testing.T) {
	a := decode(t, `{"z": 1, "a": [1.0, 1.5, "x", null, {"8": true}], "big": 12345678901234567890}`)
	same(t, phparray.Map("z", 1, "a", phparray.List(1.0, 1.5, "x", nil, phparray.Map("8", true)), "big", 12345678901234567890.0), a)
	for _, src := range []string{"", "{", "[1,]", "{} {}", "nul", `{"a"`} {
		if v, err := phparray.DecodeJSON([]byte(src)); err == nil {
			t.Errorf("DecodeJSON(%q) = %v", src, v)
		}
	}
}

// FuzzDecodeJSON makes sure that whatever JSON holds can be written as PHP and read back.
func FuzzDecodeJSON(f *testing.F) {
	f.Add([]byte(`{"a": [1, -0.0, 1e400, "x\u0000", {"8": null, "08": true}], "": {}}`))
	f.Fuzz(func(t *testing.T, src []byte) {
		v, err := phparray.DecodeJSON(src)
		if err != nil {
			return
		}
		a := phparray.Map("value", v)
		readsBack(t, a, phparray.Export(a))
		readsBack(t, a, phparray.ExportShort(a))
	})
}
