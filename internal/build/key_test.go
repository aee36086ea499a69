package build_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"sluice/internal/build"
)

func key(pairs ...string) build.Key {
	var k build.Key
	for i := 0; i < len(pairs); i += 2 {
		k = k.With(pairs[i], pairs[i+1])
	}
	return k
}

func TestKeySumIgnoresOrder(t *testing.T) {
	a, b := key("tree", "1", "image", "2"), key("image", "2", "tree", "1")
	if a.Sum() != b.Sum() {
		t.Error("the order in which parts are added changes the sum")
	}
	if n := len(a.Sum()); n != 64 {
		t.Errorf("the sum has %d characters, want 64", n)
	}
}

func TestKeySumSeparatesNamesFromValues(t *testing.T) {
	sums := map[string]string{}
	for name, k := range map[string]build.Key{
		"empty":         key(),
		"ab=c":          key("ab", "c"),
		"a=bc":          key("a", "bc"),
		"a=b":           key("a", "b"),
		"a=b twice":     key("a", "b", "a", "b"),
		"a=b, c=d":      key("a", "b", "c", "d"),
		"a=bcd":         key("a", "bcd"),
		"a= and b=":     key("a", "", "b", ""),
		"value changed": key("a", "c"),
	} {
		if other, ok := sums[k.Sum()]; ok {
			t.Errorf("%s and %s have the same sum", name, other)
		}
		sums[k.Sum()] = name
	}
}

func TestKeyWithLeavesTheOriginal(t *testing.T) {
	base := key("a", "1", "b", "2", "c", "3")
	before := base.Sum()
	one, two := base.With("d", "4"), base.With("d", "5")
	if base.Sum() != before || one.Sum() == two.Sum() {
		t.Error("With changes the key that it was called on, or keys share their parts")
	}
}

func TestKeyChanged(t *testing.T) {
	old := key("source tree", "1", "runtime image", "2", "variable A", "3")
	for name, tc := range map[string]struct {
		now  build.Key
		want []string
	}{
		"nothing": {now: key("variable A", "3", "runtime image", "2", "source tree", "1")},
		"a value": {now: key("source tree", "9", "runtime image", "2", "variable A", "3"), want: []string{"source tree"}},
		"added and removed": {
			now:  key("source tree", "1", "runtime image", "2", "variable B", "3"),
			want: []string{"variable A", "variable B"},
		},
		"everything": {now: key(), want: []string{"runtime image", "source tree", "variable A"}},
	} {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(tc.want, tc.now.Changed(old)); diff != "" {
				t.Errorf("Changed (-want +got):\n%s", diff)
			}
		})
	}
}
