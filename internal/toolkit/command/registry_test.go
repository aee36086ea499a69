package command

import (
	"testing"

	"sluice/internal/toolkit/scenario"
)

// Every type of the default scenarios that does something is native: none needs PHP.
func TestDefaultScenariosAreNative(t *testing.T) {
	r := registry(nil)
	for _, file := range []string{generate, transfer, deploy, postDeploy} {
		def, err := scenario.Files{WorkDir: t.TempDir()}.Load([]string{file})
		if err != nil {
			t.Fatal(err)
		}
		shown := scenario.Show(def, r)
		for _, e := range append(shown.Steps, shown.OnFail...) {
			if e.Runs != "native" {
				t.Errorf("%s: %s is %s: %s", file, e.Name, e.Runs, e.Type)
			}
			for _, a := range e.Arguments {
				nativeItems(t, r, file+": "+e.Name, a.Items)
			}
		}
	}
}

func nativeItems(t *testing.T, r *scenario.Registry, at string, items []scenario.ShownItem) {
	t.Helper()
	for _, i := range items {
		if _, ok := r.Lookup(i.Value); i.Kind == "object" && !ok {
			t.Errorf("%s: %s: %s is not native", at, i.Name, i.Value)
		}
		nativeItems(t, r, at+": "+i.Name, i.Items)
	}
}
