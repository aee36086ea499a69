package account

import (
	"context"
	"regexp"
	"slices"
	"strings"

	"sluice/internal/access"
	"sluice/internal/platform"
)

var tokenName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._@-]{0,63}$`)

const maxScopes = 50

// CreateToken makes a token of the subject and returns it with its record; it is never
// shown again. It can have only scopes that the subject has; one that is made with a
// limited token has also to be administered by it, so that it does not multiply.
func (s *Service) CreateToken(ctx context.Context, by access.Subject, wanted platform.NewToken) (string, platform.Token, error) {
	if err := s.wantRecent(ctx, by); err != nil {
		return "", platform.Token{}, err
	}
	scopes, err := checkToken(by, wanted)
	if err != nil {
		return "", platform.Token{}, err
	}
	return s.saveToken(ctx, by, by.ID, wanted, scopes)
}

// saveToken makes a token of a user.
func (s *Service) saveToken(ctx context.Context, by access.Subject, user string, wanted platform.NewToken, scopes []string) (string, platform.Token, error) {
	all, err := s.Records.Tokens(ctx)
	if err != nil {
		return "", platform.Token{}, err
	}
	if slices.ContainsFunc(all, func(t platform.Token) bool { return t.Name == wanted.Name && t.User == user }) {
		return "", platform.Token{}, platform.Errorf(platform.CodeConflict, "there already is a token %q; nothing was created", wanted.Name).
			WithHint("choose another name, or revoke it first: sluice token:revoke %s", wanted.Name)
	}
	secret := newSecret(tokenPrefix)
	t := platform.Token{
		ID: platform.NewID(), User: user, Name: wanted.Name, Hash: hashSecret(secret), Scopes: scopes, CreatedAt: s.now().UTC(), CreatedBy: by.ID,
	}
	if wanted.Life > 0 {
		t.ExpiresAt = t.CreatedAt.Add(wanted.Life)
	}
	if err := s.record(ctx, by, access.TokenManage, commonProject(scopes), strings.TrimSpace("create "+t.Name+" "+strings.Join(scopes, " "))); err != nil {
		return "", platform.Token{}, err
	}
	return secret, t, s.Records.CreateToken(ctx, t)
}

// checkToken returns the normal form of the scopes.
func checkToken(by access.Subject, wanted platform.NewToken) ([]string, error) {
	if !tokenName.MatchString(wanted.Name) {
		return nil, platform.Errorf(platform.CodeInvalid, "%q is not a valid token name; nothing was created", wanted.Name).
			WithHint("use letters, digits, dots, hyphens and at signs, 64 at most: ci-shop").WithField("name")
	}
	if wanted.Life < 0 {
		return nil, platform.Errorf(platform.CodeInvalid, "a token cannot expire in the past; nothing was created").
			WithHint("leave it out for a token that does not expire").WithField("expires_in")
	}
	grants, err := checkScopes(wanted.Scopes)
	if err != nil {
		return nil, err
	}
	if len(grants) == 0 {
		grants = by.Limits
	}
	var scopes []string
	for _, g := range grants {
		if !by.Holds(g) || by.Limits != nil && !by.Covers(g) {
			return nil, platform.Errorf(platform.CodeForbidden, "your token may not give the scope %s; nothing was created", g).
				WithHint("a token can have no more access than you have, and one with scopes gives only what it administers")
		}
		scopes = append(scopes, g.String())
	}
	return scopes, nil
}

// checkScopes reads scopes.
func checkScopes(texts []string) ([]access.Grant, error) {
	if n := len(texts); n > maxScopes {
		return nil, platform.Errorf(platform.CodeInvalid, "%d scopes are too many; nothing was created", n).
			WithHint("give %d at most, for example shop:admin, or shop:development=contributor", maxScopes).WithField("scopes")
	}
	var grants []access.Grant
	for _, text := range texts {
		g, err := access.ParseGrant(text)
		if err != nil {
			return nil, err
		}
		grants = append(grants, g)
	}
	return grants, nil
}

// CreateMachineToken makes a token of the machine of that name, which may do what the
// scopes say from then on. The machine is made when there is none; a token of that name is
// replaced. Only an admin of the installation may do this.
func (s *Service) CreateMachineToken(ctx context.Context, by access.Subject, wanted platform.NewToken) (string, platform.Token, error) {
	if err := by.Require(access.UserManage, "", ""); err != nil {
		return "", platform.Token{}, err
	}
	scopes, err := checkToken(by, wanted)
	if err != nil {
		return "", platform.Token{}, err
	}
	u, err := s.Records.UserByLogin(ctx, wanted.Name)
	exists := err == nil
	if !exists && platform.ErrorCode(err) != platform.CodeNotFound {
		return "", platform.Token{}, err
	}
	if exists && u.Kind != platform.Machine {
		return "", platform.Token{}, platform.Errorf(platform.CodeConflict, "%s is a person, not a machine; nothing was created", wanted.Name).
			WithHint("choose another name")
	}
	if err := s.record(ctx, by, access.UserManage, "", "machine "+wanted.Name+" "+strings.Join(scopes, " ")); err != nil {
		return "", platform.Token{}, err
	}
	if exists {
		err = s.resetMachine(ctx, u, scopes)
	} else {
		u, err = s.createMachine(ctx, wanted.Name, scopes)
	}
	if err != nil {
		return "", platform.Token{}, err
	}
	return s.saveToken(ctx, by, u.ID, wanted, scopes)
}

func (s *Service) createMachine(ctx context.Context, name string, scopes []string) (platform.User, error) {
	id := name
	if !platform.ValidUserID(id) {
		id = "machine-" + platform.NewID()
	}
	return s.Records.CreateUser(ctx, platform.User{
		ID: id, Kind: platform.Machine, State: platform.UserActive, Username: name, Grants: scopes,
	})
}

// resetMachine gives a machine other grants and removes the token of its own name.
func (s *Service) resetMachine(ctx context.Context, u platform.User, scopes []string) error {
	all, err := s.Records.Tokens(ctx)
	if err != nil {
		return err
	}
	for _, t := range all {
		if t.User == u.ID && t.Name == u.Username {
			if err := s.Records.DeleteToken(ctx, t.ID); err != nil {
				return err
			}
		}
	}
	return s.Records.SetGrants(ctx, u.ID, "", func([]string) ([]string, error) { return scopes, nil })
}

// Tokens lists the tokens of the subject, and those whose scopes it administers.
func (s *Service) Tokens(ctx context.Context, by access.Subject) ([]platform.Token, error) {
	all, err := s.Records.Tokens(ctx)
	return slices.DeleteFunc(all, func(t platform.Token) bool { return !manages(by, t) }), err
}

// RevokeToken makes a token worthless at once. name is its ID, or its name where that says
// which one it is. It returns CodeNotFound when the subject cannot see it.
func (s *Service) RevokeToken(ctx context.Context, by access.Subject, name string) error {
	visible, err := s.Tokens(ctx, by)
	if err != nil {
		return err
	}
	t, err := findToken(visible, by, name)
	if err != nil {
		return err
	}
	if err := s.record(ctx, by, access.TokenManage, commonProject(t.Scopes), "revoke "+t.Name); err != nil {
		return err
	}
	return s.Records.DeleteToken(ctx, t.ID)
}

// findToken finds a token: by its ID, else by name, first among the subject's own.
func findToken(visible []platform.Token, by access.Subject, name string) (platform.Token, error) {
	var named []platform.Token
	for _, t := range visible {
		if t.ID == name || t.Name == name && t.User == by.ID {
			return t, nil
		}
		if t.Name == name {
			named = append(named, t)
		}
	}
	switch len(named) {
	case 0:
		return platform.Token{}, platform.Errorf(platform.CodeNotFound, "token %q not found; nothing was changed", name).
			WithHint("`sluice token:list` shows the tokens that you can revoke")
	case 1:
		return named[0], nil
	default:
		return platform.Token{}, platform.Errorf(platform.CodeConflict, "%d users have a token %q; nothing was changed", len(named), name).
			WithHint("give the ID instead: `sluice token:list --columns id,name,user` shows it")
	}
}

// manages reports whether the subject may see and revoke a token: its own, when it is not
// limited itself, and those whose scopes it administers. Scopes of a newer version are the
// business of an admin of everything.
func manages(by access.Subject, t platform.Token) bool {
	if t.User == by.ID && by.Limits == nil || by.Credential == byToken+"/"+t.ID {
		return true
	}
	for _, text := range t.Scopes {
		g, err := access.ParseGrant(text)
		if err != nil {
			g.Project = access.Everything
		}
		if !by.Covers(g) {
			return false
		}
	}
	return len(t.Scopes) > 0 || by.Allows(access.InstallationManage, "", "")
}

// commonProject returns the project that all scopes are about, or "".
func commonProject(scopes []string) string {
	var project string
	for i, text := range scopes {
		p, _, _ := strings.Cut(text, ":")
		if p == access.Everything || (i > 0 && p != project) {
			return ""
		}
		project = p
	}
	return project
}
