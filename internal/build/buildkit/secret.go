package buildkit

import (
	"bytes"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/moby/buildkit/session/secrets/secretsprovider"

	"sluice/internal/platform"
)

// secretID names the session secret that carries a build's environment.
const secretID = "sluice-build" //nolint:gosec // a name, not a secret

var variableName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)

// secretFile is what the steps' shell sources: the build's mark in a line that does
// nothing, then an export for each variable. It travels in the session and lies on a
// tmpfs, so no variable is part of the definition, of the cache or of the image.
func secretFile(mark string, env map[string]string) ([]byte, error) {
	var b bytes.Buffer
	fmt.Fprintf(&b, ": %s\n", mark)
	for _, name := range slices.Sorted(maps.Keys(env)) {
		if !variableName.MatchString(name) || strings.ContainsRune(env[name], 0) {
			return nil, platform.Errorf(platform.CodeInvalid, "the variable %q cannot be set in a build; nothing was built", name).
				WithHint("names have letters, digits and underscores only, values no zero bytes")
		}
		fmt.Fprintf(&b, "export %s=%s\n", name, quote(env[name]))
	}
	if b.Len() > secretsprovider.MaxSecretSize {
		return nil, platform.Errorf(platform.CodeInvalid,
			"the variables of the build are larger than %d KiB together; nothing was built", secretsprovider.MaxSecretSize/1024).
			WithHint("make large variables invisible to the build: visible_build: false")
	}
	return b.Bytes(), nil
}

// quote makes one word of the shell, whatever s holds.
func quote(s string) string { return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'" }
