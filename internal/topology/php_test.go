package topology_test

import (
	"strings"
	"testing"

	"golang.org/x/tools/txtar"

	"sluice/internal/platform"
	"sluice/internal/topology"
)

// TestPHPVariablesStayOneDirective: a value cannot end its line or take in the next one.
func TestPHPVariablesStayOneDirective(t *testing.T) {
	ini := func(name, value string) (string, error) {
		in := input(t, txtar.Parse([]byte(oneApp)))
		in.Variables = []platform.Variable{
			{Name: "php:" + name, Value: value, VisibleRuntime: true},
			{Name: "php:zend.assertions", Value: "-1", VisibleRuntime: true},
		}
		result, err := topology.Resolve(in)
		if err != nil {
			return "", err
		}
		for _, f := range result.Spec.Apps[0].Files {
			if strings.HasSuffix(f.Path, "60-variables.ini") {
				return f.Content, nil
			}
		}
		t.Fatalf("no file of variables: %v", result.Spec.Apps[0].Files)
		return "", nil
	}
	for value, want := range map[string]string{
		"UTC":               `"UTC"`,
		`C:\path\`:          `"C:\\path\\"`,
		`say "hi"`:          `"say \"hi\""`,
		`\"`:                `"\\\""`,
		"a\nextension=evil": `"a extension=evil"`,
	} {
		got, err := ini("date.timezone", value)
		if want := "date.timezone = " + want + "\nzend.assertions = \"-1\"\n"; err != nil || got != want {
			t.Errorf("%q is written as %q, want %q (%v)", value, got, want, err)
		}
	}
	for name, value := range map[string]string{"date.timezone": "a\x00b", "a\nextension": "b", "[PATH=/app]": "b", "a b": "c"} {
		if _, err := ini(name, value); platform.ErrorCode(err) != platform.CodeInvalid || platform.ErrorHint(err) == "" {
			t.Errorf("php:%q = %q: %v", name, value, err)
		}
	}
}
