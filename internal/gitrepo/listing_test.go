package gitrepo

import (
	"runtime"
	"strings"
	"testing"

	"sluice/internal/platform"
)

// FuzzParseListing also bounds the memory that a listing may cost: a part of it for every
// byte that git printed, and no more than the budget allows.
func FuzzParseListing(f *testing.F) {
	id := strings.Repeat("a", 40)
	f.Add("040000 tree " + id + "       -\tdir\x00100644 blob " + id + "       7\tdir/file\x00")
	f.Add("160000 commit " + id + "       -\tsub\x00")
	f.Add("100644 blob " + id + "       7\t../x\x00")
	f.Add("100644 blob " + id + " 9223372036854775807\ta\x00100644 blob " + id + " 9223372036854775807\tb\x00")
	f.Add(strings.Repeat("100644 blob "+id+"       7\tsame\x00", 20))
	f.Add("100644 blob")
	limits := Limits{Entries: 10, Bytes: 1000}
	f.Fuzz(func(t *testing.T, listing string) {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		root, err := parseListing(strings.NewReader(listing), id, limits)
		runtime.ReadMemStats(&after)
		if used, most := after.TotalAlloc-before.TotalAlloc, uint64(512<<10+16*len(listing)); used > most {
			t.Errorf("a listing of %d bytes allocated %d, want at most %d", len(listing), used, most)
		}
		if err != nil {
			return
		}
		left := limits
		var walk func(n *node)
		walk = func(n *node) {
			for _, c := range n.children {
				if checkPath(c.name) != nil || strings.Contains(c.name, "/") || c.size < 0 {
					t.Errorf("accepted %+v", c)
				}
				if n.child(c.name) != c {
					t.Errorf("%q is not found under its name", c.name)
				}
				left.Entries--
				left.Bytes -= c.size
				walk(c)
			}
		}
		walk(root)
		if left.Entries < 0 || left.Bytes < 0 {
			t.Errorf("accepted a tree that exceeds the limits by %+v", left)
		}
	})
}

func TestListingsHaveABudget(t *testing.T) {
	id := strings.Repeat("a", 40)
	file := func(name, size string) string { return "100644 blob " + id + " " + size + "\t" + name + "\x00" }
	for name, test := range map[string]struct{ listing, want string }{
		"as many as allowed":   {file("a", "60") + file("b", "40"), ""},
		"too many files":       {file("a", "1") + file("b", "1") + file("c", "1") + file("d", "1"), "more than 3 files and directories"},
		"too many bytes":       {file("a", "60") + file("b", "41"), "more than 0 MB in all"},
		"one file is too much": {file("a", "9223372036854775807"), "more than 0 MB in all"},
		"sums do not overflow": {file("a", "99") + file("b", "9223372036854775807"), "more than 0 MB in all"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := parseListing(strings.NewReader(test.listing), id, Limits{Entries: 3, Bytes: 100})
			if test.want == "" {
				if err != nil {
					t.Error(err)
				}
				return
			}
			if platform.ErrorCode(err) != platform.CodeInvalid || !strings.Contains(err.Error(), test.want) || platform.ErrorHint(err) == "" {
				t.Errorf("got %v (hint %q), want %q", err, platform.ErrorHint(err), test.want)
			}
		})
	}
}
