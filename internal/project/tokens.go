package project

import (
	"context"
	"crypto/rand"
	"regexp"
	"slices"
	"strings"

	"sluice/internal/access"
	"sluice/internal/platform"
)

var tokenName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._@-]{0,63}$`)

const maxScopes = 50

// CreateToken makes a token and returns it with its record; it is never shown again.
// It can have only scopes that the subject administers.
func (s *Service) CreateToken(ctx context.Context, by access.Subject, wanted platform.NewToken) (string, platform.Token, error) {
	scopes, err := s.checkToken(ctx, by, wanted)
	if err != nil {
		return "", platform.Token{}, err
	}
	secret := "sluice_" + strings.ToLower(rand.Text())
	t := platform.Token{Name: wanted.Name, Hash: hashToken(secret), Scopes: scopes, CreatedAt: s.now().UTC(), CreatedBy: by.ID}
	if wanted.Life > 0 {
		t.ExpiresAt = t.CreatedAt.Add(wanted.Life)
	}
	if err := s.Record(ctx, by, access.TokenManage, commonProject(scopes), "", "create "+t.Name+" "+strings.Join(scopes, " ")); err != nil {
		return "", platform.Token{}, err
	}
	if err := s.Records.SaveToken(ctx, t); err != nil {
		return "", platform.Token{}, err
	}
	return secret, t, nil
}

// checkToken returns the normal form of the scopes.
func (s *Service) checkToken(ctx context.Context, by access.Subject, wanted platform.NewToken) ([]string, error) {
	if !tokenName.MatchString(wanted.Name) {
		return nil, platform.Errorf(platform.CodeInvalid, "%q is not a valid token name; nothing was created", wanted.Name).
			WithHint("use letters, digits, dots, hyphens and at signs, 64 at most: ci-shop").WithField("name")
	}
	if n := len(wanted.Scopes); n == 0 || n > maxScopes {
		return nil, platform.Errorf(platform.CodeInvalid, "a token needs 1 to %d scopes, not %d; nothing was created", maxScopes, n).
			WithHint("for example shop:admin, or shop:development=contributor").WithField("scopes")
	}
	if wanted.Life < 0 {
		return nil, platform.Errorf(platform.CodeInvalid, "a token cannot expire in the past; nothing was created").WithField("expires_in")
	}
	var scopes []string
	for _, text := range wanted.Scopes {
		g, err := access.ParseGrant(text)
		if err != nil {
			return nil, err
		}
		if !by.Covers(g) {
			return nil, platform.Errorf(platform.CodeForbidden, "your token may not give the scope %s; nothing was created", g).
				WithHint("only an admin of a project can give access to it")
		}
		scopes = append(scopes, g.String())
	}
	return scopes, s.checkTokenName(ctx, wanted)
}

func (s *Service) checkTokenName(ctx context.Context, wanted platform.NewToken) error {
	if wanted.Replace {
		return nil
	}
	all, err := s.Records.Tokens(ctx)
	if err != nil {
		return err
	}
	if slices.ContainsFunc(all, func(t platform.Token) bool { return t.Name == wanted.Name }) {
		return platform.Errorf(platform.CodeConflict, "there already is a token %q; nothing was created", wanted.Name).
			WithHint("choose another name, or revoke it first: sluice token:revoke %s", wanted.Name)
	}
	return nil
}

// Tokens lists the tokens that the subject could have made, and its own.
func (s *Service) Tokens(ctx context.Context, by access.Subject) ([]platform.Token, error) {
	all, err := s.Records.Tokens(ctx)
	return slices.DeleteFunc(all, func(t platform.Token) bool { return !manages(by, t) }), err
}

// RevokeToken makes a token worthless at once. It returns CodeNotFound when the subject
// cannot see it.
func (s *Service) RevokeToken(ctx context.Context, by access.Subject, name string) error {
	visible, err := s.Tokens(ctx, by)
	if err != nil {
		return err
	}
	i := slices.IndexFunc(visible, func(t platform.Token) bool { return t.Name == name })
	if i < 0 {
		return platform.Errorf(platform.CodeNotFound, "token %q not found; nothing was changed", name).
			WithHint("`sluice token:list` shows the tokens that you can revoke")
	}
	if err := s.Record(ctx, by, access.TokenManage, commonProject(visible[i].Scopes), "", "revoke "+name); err != nil {
		return err
	}
	return s.Records.DeleteToken(ctx, name)
}

// manages reports whether the subject may see and revoke a token. Scopes of a newer
// version are the business of an admin of everything.
func manages(by access.Subject, t platform.Token) bool {
	if t.Name == by.ID {
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
