package gitrepo

import (
	"strings"
	"testing"
)

func FuzzParseListing(f *testing.F) {
	id := strings.Repeat("a", 40)
	f.Add("040000 tree " + id + "       -\tdir\x00100644 blob " + id + "       7\tdir/file\x00")
	f.Add("160000 commit " + id + "       -\tsub\x00")
	f.Add("100644 blob " + id + "       7\t../x\x00")
	f.Add("100644 blob")
	f.Fuzz(func(t *testing.T, listing string) {
		root, err := parseListing(strings.NewReader(listing), id)
		if err != nil {
			return
		}
		var walk func(n *node)
		walk = func(n *node) {
			for _, c := range n.children {
				if checkPath(c.name) != nil || strings.Contains(c.name, "/") || c.size < 0 {
					t.Errorf("accepted %+v", c)
				}
				if n.child(c.name) != c {
					t.Errorf("%q is not found under its name", c.name)
				}
				walk(c)
			}
		}
		walk(root)
	})
}
