package platform

import (
	"strings"
	"time"
)

// Domain is a name that visitors reach a project's production environment by. {default}
// in routes is the default one, {all} are all of them. Only verified domains count.
type Domain struct {
	Project    string
	Name       string    // lower case, without a dot at the end
	Default    bool      // exactly one of a project's verified domains
	Challenge  string    // what a TXT record must hold to verify it; empty when none is needed
	VerifiedAt time.Time // zero: someone may yet have to show that the name is theirs
	CreatedAt  time.Time
	UpdatedAt  time.Time
}

// Verified reports whether visitors may be served under the name.
func (d Domain) Verified() bool { return !d.VerifiedAt.IsZero() }

// ChallengeName is the DNS name of the TXT record that verifies the domain.
func (d Domain) ChallengeName() string { return "_sluice-challenge." + d.Name }

// The limits of RFC 1035.
const (
	maxDomain = 253
	maxLabel  = 63
)

// NormalDomain returns a domain in the form it is stored and compared in, or CodeInvalid
// when no visitor could ask for it: no scheme, port, path or wildcard, and two labels at
// least.
func NormalDomain(name string) (string, error) {
	normal := strings.ToLower(strings.TrimSuffix(strings.TrimSpace(name), "."))
	labels := strings.Split(normal, ".")
	switch {
	case strings.ContainsAny(normal, "/:"):
		return "", Errorf(CodeInvalid, "%q is not a domain name; nothing was changed", name).
			WithHint("write the name only, without scheme, port and path: www.example.com")
	case strings.HasPrefix(normal, "*."):
		return "", Errorf(CodeInvalid, "a domain cannot be a wildcard; nothing was changed").
			WithHint("add %s, and name the route \"https://*.{default}/\" in routes.yaml", normal[2:])
	case strings.ContainsFunc(normal, func(r rune) bool { return r > 0x7e }):
		return "", Errorf(CodeInvalid, "%q has letters that no domain name has on the wire; nothing was changed", name).
			WithHint("write it in its ASCII form, which begins with xn--")
	case len(normal) > maxDomain || len(labels) < 2:
		return "", Errorf(CodeInvalid, "%q is not a domain name; nothing was changed", name).
			WithHint("it has two parts at least and %d characters at most: www.example.com", maxDomain)
	}
	for _, label := range labels {
		if !validLabel(label) {
			return "", Errorf(CodeInvalid, "%q is not a domain name: %q cannot be a part of one; nothing was changed", name, label).
				WithHint("parts have letters, digits and hyphens, and no hyphen at the ends")
		}
	}
	return normal, nil
}

func validLabel(label string) bool {
	if label == "" || len(label) > maxLabel || label[0] == '-' || label[len(label)-1] == '-' {
		return false
	}
	return !strings.ContainsFunc(label, func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < '0' || r > '9') && r != '-' && r != '_'
	})
}
