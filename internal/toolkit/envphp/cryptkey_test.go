package envphp_test

import (
	"testing"

	"sluice/internal/toolkit/envphp"
	"sluice/internal/toolkit/phparray"
)

// TestCryptKey makes sure that an encryption key that data may depend on is found again
// before anybody makes a new one.
func TestCryptKey(t *testing.T) {
	with := func(key string) *phparray.Array { return phparray.Map("crypt", phparray.Map("key", key)) }
	none := phparray.New()
	for _, c := range []struct {
		name           string
		env, backup    *phparray.Array
		variable, want string
		notes          int
	}{
		{"there is one", with("own"), with("saved"), "variable", "", 0},
		{"the variable", none, none, "variable", "variable", 1},
		{"the backup", none, with("saved"), "", "saved", 1},
		{"the variable and the same backup", with(""), with("variable"), "variable", "variable", 1},
		{"the variable and another backup", none, with("saved"), "variable", "variable", 2},
		{"nothing", none, none, "", "", 0},
	} {
		key, notes := envphp.CryptKey(c.env, c.backup, c.variable)
		if key != c.want || len(notes) != c.notes {
			t.Errorf("%s: %q, %v", c.name, key, notes)
		}
	}
}
