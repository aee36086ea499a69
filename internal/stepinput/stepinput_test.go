package stepinput_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"sluice/internal/stepinput"
)

func TestOf(t *testing.T) {
	const (
		nothing = stepinput.Nothing
		name    = stepinput.Name
		names   = stepinput.Names
		decl    = stepinput.Declarations
		whole   = stepinput.Whole
	)
	type hows [4]stepinput.How // modules, compile, autoload, static
	for file, want := range map[string]hows{
		"app/code/Acme/Shop/Model/Offer.php":                      {nothing, decl, names, decl},
		"app/code/Acme/Shop/registration.php":                     {whole, whole, names, whole},
		"app/code/Acme/Shop/cli_commands.php":                     {nothing, whole, names, decl},
		"app/code/Acme/Shop/composer.json":                        {whole, nothing, nothing, whole},
		"app/code/Acme/Shop/etc/module.xml":                       {whole, nothing, nothing, whole},
		"app/code/Acme/Shop/etc/di.xml":                           {nothing, whole, nothing, whole},
		"app/code/Acme/Shop/etc/frontend/di.xml":                  {nothing, whole, nothing, whole},
		"app/code/Acme/Shop/etc/extension_attributes.xml":         {nothing, whole, nothing, whole},
		"app/code/Acme/Shop/etc/events.xml":                       {nothing, nothing, nothing, whole},
		"app/code/Acme/Shop/etc/crontab.xml":                      {nothing, nothing, nothing, nothing},
		"app/code/Acme/Shop/Controller/readme.md":                 {nothing, name, nothing, nothing},
		"app/code/Acme/Shop/Test/Unit/OfferTest.php":              {nothing, nothing, names, nothing},
		"app/code/Test/Shop/Model/Offer.php":                      {nothing, decl, names, decl},
		"app/code/Acme/Shop/view/frontend/templates/offer.phtml":  {nothing, nothing, nothing, nothing},
		"app/code/Acme/Shop/view/frontend/layout/default.xml":     {nothing, nothing, nothing, nothing},
		"app/code/Acme/Shop/view/frontend/web/js/offer.js":        {nothing, nothing, nothing, whole},
		"app/code/Acme/Shop/view/frontend/web/template/a.phtml":   {nothing, nothing, nothing, whole},
		"app/code/Acme/Shop/i18n/de_DE.csv":                       {nothing, nothing, nothing, whole},
		"app/design/frontend/Acme/theme/web/css/source/_all.less": {nothing, nothing, nothing, whole},
		"app/design/frontend/Acme/theme/registration.php":         {whole, whole, names, whole},
		"app/design/frontend/Acme/theme/theme.xml":                {nothing, nothing, nothing, whole},
		"app/etc/config.php":                                      {nothing, nothing, nothing, nothing},
		"app/etc/env.php":                                         {nothing, nothing, nothing, nothing},
		"app/etc/di.xml":                                          {nothing, whole, nothing, whole},
		"app/etc/registration_globlist.php":                       {whole, whole, whole, whole},
		"app/bootstrap.php":                                       {nothing, whole, whole, whole},
		"vendor/magento/module-catalog/Model/Product.php":         {nothing, whole, whole, whole},
		"vendor/magento/module-catalog/etc/di.xml":                {nothing, whole, nothing, whole},
		"vendor/magento/framework/ObjectManager/etc/config.xsd":   {nothing, whole, nothing, whole},
		"vendor/composer/installed.json":                          {whole, whole, whole, whole},
		"vendor/composer/autoload_files.php":                      {whole, whole, whole, whole},
		"vendor/composer/autoload_classmap.php":                   {nothing, nothing, nothing, nothing},
		"packages/acme/shop/Model/Offer.php":                      {nothing, decl, names, decl},
		"lib/web/mage/mage.js":                                    {nothing, nothing, nothing, whole},
		"composer.json":                                           {whole, whole, whole, whole},
		"composer.lock":                                           {nothing, nothing, whole, whole},
		"README.md":                                               {nothing, nothing, nothing, nothing},
		".magento.env.yaml":                                       {nothing, nothing, nothing, nothing},
		"generated/code/Acme/Shop/Model/OfferFactory.php":         {nothing, nothing, nothing, nothing},
		"pub/static/frontend/a.js":                                {nothing, nothing, nothing, nothing},
		"pub/index.php":                                           {nothing, whole, whole, whole},
		"var/cache/a.php":                                         {nothing, nothing, nothing, nothing},
		"dev/tests/A.php":                                         {nothing, nothing, nothing, nothing},
		"node_modules/a/b.php":                                    {nothing, nothing, nothing, nothing},
	} {
		var got hows
		for i, step := range stepinput.Steps() {
			got[i] = stepinput.Of(step, file)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (modules, compile, autoload, static; -want +got):\n%s", file, diff)
		}
	}
}

func TestDigest(t *testing.T) {
	body := func(s string) []byte { return []byte("<?php class A { function f() { " + s + " } } // " + s) }
	odd := func(s string) []byte { return []byte("<?php class A { function f() { } // " + s) }
	for how, same := range map[stepinput.How]bool{stepinput.Name: true, stepinput.Names: true, stepinput.Declarations: true, stepinput.Whole: false} {
		if got := stepinput.Digest(how, body("1;")) == stepinput.Digest(how, body("2;")); got != same {
			t.Errorf("%d: bodies that differ have the same digest: %t, want %t", how, got, same)
		}
	}
	for _, how := range []stepinput.How{stepinput.Names, stepinput.Declarations, stepinput.Whole} {
		if stepinput.Digest(how, odd("1")) == stepinput.Digest(how, odd("2")) {
			t.Errorf("%d: a file that cannot be followed does not count as a whole", how)
		}
	}
}

func TestChangesStatic(t *testing.T) {
	for di, want := range map[string]bool{
		`<type name="Magento\Framework\View\Asset\PreProcessor\Pool">`:           true,
		`<preference for="Magento\Framework\Phrase\RendererInterface" type="X">`: true,
		`<type name="Magento\Catalog\Model\Product">`:                            false,
		`<type name="Magento\Framework\View\Element\UiComponent\X">`:             false,
	} {
		if got := stepinput.ChangesStatic([]byte(di)); got != want {
			t.Errorf("ChangesStatic(%s) = %t", di, got)
		}
	}
}

func TestAffects(t *testing.T) {
	class := func(s string) []byte { return []byte("<?php class A { function f() { " + s + " } }") }
	const model = "app/code/Acme/Shop/Model/A.php"
	for name, c := range map[string]struct {
		change stepinput.Change
		bodies bool
		want   string // steps
	}{
		"a body":                    {stepinput.Change{Name: model, Before: class("1;"), After: class("2;")}, false, ""},
		"a body that counts":        {stepinput.Change{Name: model, Before: class("1;"), After: class("2;")}, true, "deploy-static-content"},
		"a method":                  {stepinput.Change{Name: model, Before: class("1;"), After: class("} function g() {")}, false, "compile-di deploy-static-content"},
		"a class":                   {stepinput.Change{Name: model, After: class("")}, false, "compile-di dump-autoload deploy-static-content"},
		"a class that is gone":      {stepinput.Change{Name: model, Before: class("")}, false, "compile-di dump-autoload deploy-static-content"},
		"a template":                {stepinput.Change{Name: "app/code/Acme/Shop/view/a.phtml", Before: []byte("a"), After: []byte("b")}, false, ""},
		"a style":                   {stepinput.Change{Name: "app/design/frontend/A/b/web/a.less", Before: []byte("a"), After: []byte("b")}, false, "deploy-static-content"},
		"the mode of a style":       {stepinput.Change{Name: "app/design/frontend/A/b/web/a.less", Before: []byte("a"), After: []byte("a")}, false, ""},
		"composer.lock":             {stepinput.Change{Name: "composer.lock", Before: []byte("a"), After: []byte("b")}, false, "refresh-modules compile-di dump-autoload deploy-static-content"},
		"a patch":                   {stepinput.Change{Name: "m2-hotfixes/a.patch", After: []byte("b")}, false, "refresh-modules compile-di dump-autoload deploy-static-content"},
		"variables of static files": {stepinput.Change{Name: ".magento.env.yaml", Before: []byte("a"), After: []byte("b")}, false, "deploy-static-content"},
	} {
		var got []string
		for _, step := range stepinput.Steps() {
			if len(stepinput.Affects(step, []stepinput.Change{c.change}, c.bodies)) > 0 {
				got = append(got, string(step))
			}
		}
		if got := strings.Join(got, " "); got != c.want {
			t.Errorf("%s affects %q, want %q", name, got, c.want)
		}
	}
	if !stepinput.NeedsContent(model) || stepinput.NeedsContent("README.md") || !stepinput.IsOwnDI("app/code/A/B/etc/frontend/di.xml") || stepinput.IsOwnDI("vendor/a/b/etc/di.xml") || stepinput.IsOwnDI("app/etc/di.xml") {
		t.Error("what has to be read of a repository is wrong")
	}
}
