package platform

import (
	"maps"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// EnvironmentChange changes the fields that are not nil.
type EnvironmentChange struct {
	Title          *string
	Parent         *string // "" for none
	Type           *EnvironmentType
	RestrictRobots *bool
	HTTPAccess     *HTTPAccessChange
	HoldWait       *time.Duration // 0: back to the server's limit
	HoldRequests   *int           // 0: back to the default
	Bypass         *[]string
}

// maxTitle is the length of the longest title, in characters.
const maxTitle = 200

// CheckTitle returns CodeInvalid for a title of a project or an environment that is too
// long or cannot be printed: titles are shown on terminals and in logs.
func CheckTitle(title string) error {
	if utf8.RuneCountInString(title) > maxTitle || !Printable(title) {
		return Errorf(CodeInvalid, "the title is longer than %d characters or has characters that cannot be printed; nothing was changed", maxTitle).
			WithField("title")
	}
	return nil
}

// Printable reports whether a terminal shows a text as it is, on one line.
func Printable(s string) bool {
	return utf8.ValidString(s) && !strings.ContainsFunc(s, func(r rune) bool { return !unicode.IsPrint(r) })
}

// HTTPAccessChange changes who may see an environment.
type HTTPAccessChange struct {
	Enabled   *bool
	Addresses *[]AddressRule     // replaces all rules
	Passwords *map[string]string // replaces all users; an empty password keeps the one there is

	hashes map[string]string // of Passwords, but for the empty ones
}

// Prepare hashes the passwords, which takes long by design: about a tenth of a second for
// each. Apply does not have to then. It returns CodeInvalid for one that cannot be used.
func (c *HTTPAccessChange) Prepare() error {
	if c == nil || c.Passwords == nil || c.hashes != nil {
		return nil
	}
	if n := len(*c.Passwords); n > MaxAccessUsers {
		return Errorf(CodeInvalid, "at most %d users are possible, not %d; nothing was changed", MaxAccessUsers, n)
	}
	hashes := make(map[string]string, len(*c.Passwords))
	for name, password := range *c.Passwords {
		if password == "" {
			continue
		}
		hash, err := HashPassword(password)
		if err != nil {
			return err
		}
		hashes[name] = hash
	}
	c.hashes = hashes
	return nil
}

// CheckPlace returns CodeInvalid when the environment cannot have the wanted parent or type.
// all are the environments of its project, defaultBranch is the project's.
func (c EnvironmentChange) CheckPlace(e Environment, defaultBranch string, all []Environment) error {
	main := e.Name == defaultBranch
	if c.Type != nil && *c.Type != e.Type {
		switch {
		case main:
			return Errorf(CodeInvalid, "%s is the project's default environment, whose type is always production; nothing was changed", e.Name).WithField("type")
		case *c.Type != Staging && *c.Type != Development:
			return Errorf(CodeInvalid, "the type is staging or development, not %q; nothing was changed", *c.Type).WithField("type").
				WithHint("only the default environment is of the type production")
		}
	}
	if c.Parent == nil || *c.Parent == "" || *c.Parent == e.Parent {
		return nil
	}
	if main {
		return Errorf(CodeInvalid, "%s is the project's default environment, which has no parent; nothing was changed", e.Name).WithField("parent")
	}
	parents := map[string]string{}
	for _, env := range all {
		parents[env.Name] = env.Parent
	}
	if _, exists := parents[*c.Parent]; !exists {
		return Errorf(CodeInvalid, "project %s has no environment %q; nothing was changed", e.Project, *c.Parent).WithField("parent").
			WithHint("sluice environment:list -p %s", e.Project)
	}
	for name, steps := *c.Parent, 0; name != "" && steps <= len(all); name, steps = parents[name], steps+1 {
		if name == e.Name {
			return Errorf(CodeInvalid, "%s cannot be the parent of %s: it is the same environment, or below it; nothing was changed", *c.Parent, e.Name).WithField("parent")
		}
	}
	return nil
}

// Apply returns the environment with the changes. It returns CodeInvalid for what cannot
// be carried out; CheckPlace comes first.
func (c EnvironmentChange) Apply(e Environment) (Environment, error) {
	if c.Title != nil {
		if err := CheckTitle(*c.Title); err != nil {
			return Environment{}, err
		}
		e.Title = *c.Title
	}
	setField(&e.Parent, c.Parent)
	setField(&e.Type, c.Type)
	s := e.Settings
	if c.RestrictRobots != nil {
		s.RestrictRobots = c.RestrictRobots
	}
	setField(&s.HoldWait, c.HoldWait)
	setField(&s.HoldRequests, c.HoldRequests)
	setField(&s.Bypass, c.Bypass)
	if c.HTTPAccess != nil {
		if err := c.HTTPAccess.Prepare(); err != nil {
			return Environment{}, err
		}
		access, err := c.HTTPAccess.apply(s.HTTPAccess)
		if err != nil {
			return Environment{}, err
		}
		s.HTTPAccess = &access
	}
	if err := s.Validate(); err != nil {
		return Environment{}, err
	}
	e.Settings = s
	return e, nil
}

// apply changes a copy. Rules that were never set are enabled and empty.
func (c *HTTPAccessChange) apply(old *HTTPAccess) (HTTPAccess, error) {
	next := HTTPAccess{Enabled: true}
	if old != nil {
		next = HTTPAccess{Enabled: old.Enabled, Addresses: old.Addresses, Users: maps.Clone(old.Users)}
	}
	setField(&next.Enabled, c.Enabled)
	setField(&next.Addresses, c.Addresses)
	if c.Passwords == nil {
		return next, nil
	}
	users := make(map[string]string, len(*c.Passwords))
	for name := range *c.Passwords {
		hash, given := c.hashes[name]
		if !given {
			if hash = next.Users[name]; hash == "" {
				return HTTPAccess{}, Errorf(CodeInvalid, "the new user %q needs a password; nothing was changed", name)
			}
		}
		users[name] = hash
	}
	next.Users = users
	return next, nil
}
