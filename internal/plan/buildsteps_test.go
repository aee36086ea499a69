package plan

import (
	"strings"
	"testing"

	"sluice/internal/manifest"
)

func TestBuildSteps(t *testing.T) {
	m := &manifest.Manifest{Apps: []*manifest.Application{
		{Name: "shop", Root: "shop", Hooks: manifest.Hooks{Build: "set -e\nece-tools run scenario/build/generate.xml\n"}},
		{Name: "other", Root: "other", Hooks: manifest.Hooks{Build: "make"}},
	}}
	class := func(body string) []byte { return []byte("<?php class A { function f() { " + body + " } }") }
	changes := Changes{Files: map[string]FileChange{
		"shop/app/code/Acme/Shop/Model/A.php":        {class("1;"), class("2;")},
		"shop/app/code/Acme/Shop/view/web/a.js":      {[]byte("a"), []byte("b")},
		"shop/.magento.app.yaml":                     {[]byte("a"), []byte("b")},
		"other/app/code/Acme/Shop/etc/di.xml":        {nil, []byte("b")},
		"shop/app/code/Acme/Shop/view/web/new.js":    {nil, []byte("b")},
		"shop/app/code/Acme/Shop/view/web/old.js":    {[]byte("b"), nil},
		"shop/app/code/Acme/Shop/etc/adminhtml/x.md": {nil, []byte("b")},
	}}
	built := Application{Name: "shop", Slug: SlugBuilt, Reasons: []string{"source tree"}}
	for name, c := range map[string]struct {
		app  Application
		want string
	}{
		"the toolkit builds it": {built, "refresh-modules: \ncompile-di: \ndump-autoload: \n" +
			"deploy-static-content: app/code/Acme/Shop/view/web/a.js app/code/Acme/Shop/view/web/new.js (new) app/code/Acme/Shop/view/web/old.js (removed)\n"},
		"another hook builds it": {Application{Name: "other", Slug: SlugBuilt, Reasons: []string{"source tree"}}, ""},
		"it is reused":           {Application{Name: "shop", Slug: SlugReused}, ""},
		"it is removed":          {Application{Name: "gone"}, ""},
		"variables changed, too": {Application{Name: "shop", Slug: SlugBuilt, Reasons: []string{"source tree", "variable env:X"}}, ""},
	} {
		p := Plan{Applications: []Application{c.app}}
		p.AddBuildSteps(m, changes)
		var got strings.Builder
		for _, s := range p.Applications[0].BuildSteps {
			got.WriteString(s.Name + ": " + strings.Join(s.Changed, " ") + "\n")
		}
		if got.String() != c.want {
			t.Errorf("%s:\n%swant\n%s", name, got.String(), c.want)
		}
	}
	if !WantsContent(m, "shop/app/code/A/B/C.php") || WantsContent(m, "shop/a.js") || WantsContent(m, "elsewhere/C.php") {
		t.Error("what has to be read is wrong")
	}
	if di := []byte(`<type name="Magento\Framework\View\Asset\Repository"/>`); !ChangesStatic(m, "shop/app/code/A/B/etc/di.xml", di) || ChangesStatic(m, "di.xml", di) {
		t.Error("which di.xml counts is wrong")
	}
}
