package validate

import (
	"context"
	"strings"

	"sluice/internal/toolkit/fault"
	"sluice/internal/toolkit/kit"
	"sluice/internal/toolkit/phparray"
	"sluice/internal/toolkit/tree"
)

// checkFunc is a validator as a function: nil, nil when all is well.
type checkFunc func(ctx context.Context, k *kit.Kit) (*fault.Fault, error)

// validator is a checkFunc with what it is given.
type validator struct {
	kit   *kit.Kit
	check checkFunc
}

// newValidator makes a validator of a check.
func newValidator(k *kit.Kit, check checkFunc) kit.Validator { return validator{k, check} }

// Validate runs the check.
func (v validator) Validate(ctx context.Context) (*fault.Fault, error) { return v.check(ctx, v.kit) }

// titled is a finding with a code, whose message is the title of the code.
func titled(code int) *fault.Fault {
	e, _ := fault.Lookup(code)
	return &fault.Fault{Code: code, Message: e.Title, Suggestion: e.Suggestion}
}

// finding is a finding with a message of its own. Without a suggestion it has that of its
// code.
func finding(code int, message, suggestion string) *fault.Fault {
	if e, ok := fault.Lookup(code); ok && suggestion == "" {
		suggestion = e.Suggestion
	}
	return &fault.Fault{Code: code, Message: message, Suggestion: suggestion}
}

// configPHP reads app/etc/config.php; a missing file is empty.
func configPHP(k *kit.Kit) (*phparray.Array, error) { return k.PHPFile(tree.ConfigPHP).Read() }

// moduleEnabled reports whether config.php enables a module.
func moduleEnabled(k *kit.Kit, name string) (bool, error) {
	config, err := configPHP(k)
	if err != nil {
		return false, err
	}
	v := config.Get("modules", name)
	return phparray.Truthy(v), nil
}

// custom reads a *_CONFIGURATION variable: the map, and whether it takes the place of what
// is generated instead of being merged over it.
func custom(stage kit.Stage, name string) (m *phparray.Array, replaces bool, err error) {
	m, err = stage.Map(name)
	if err != nil {
		return nil, false, err
	}
	return m, !phparray.MergeRequired(m) && !phparray.IsBlank(m), nil
}

// indent puts two spaces before every line that has text.
func indent(text string) string {
	lines := strings.Split(text, "\n")
	for i, line := range lines {
		if line != "" {
			lines[i] = "  " + line
		}
	}
	return strings.Join(lines, "\n")
}
