package account

import (
	"context"
	"net/mail"
	"strings"
	"unicode"

	"sluice/internal/access"
	"sluice/internal/platform"
)

// CreateUser makes an account of a person. Only an admin of the installation may.
func (s *Service) CreateUser(ctx context.Context, by access.Subject, wanted platform.NewUser) (platform.User, error) {
	if err := by.Require(access.UserManage, "", ""); err != nil {
		return platform.User{}, err
	}
	grants, err := checkScopes(wanted.Scopes)
	if err != nil {
		return platform.User{}, err
	}
	u, err := newPerson(wanted.Email)
	if err != nil {
		return platform.User{}, err
	}
	if u.FirstName, u.LastName, err = checkNames(wanted.FirstName, wanted.LastName); err != nil {
		return platform.User{}, err
	}
	for _, g := range grants {
		u.Grants = append(u.Grants, g.String())
	}
	if wanted.Password != "" {
		if u.Password, err = s.passwords.hash(ctx, wanted.Password); err != nil {
			return platform.User{}, err
		}
	}
	if err := s.record(ctx, by, access.UserManage, "", strings.TrimSpace("create "+u.Email+" "+strings.Join(u.Grants, " "))); err != nil {
		return platform.User{}, err
	}
	return s.createPerson(ctx, u)
}

// createPerson stores an account that is new.
func (s *Service) createPerson(ctx context.Context, u platform.User) (platform.User, error) {
	created, err := s.Records.CreateUser(ctx, u)
	if platform.ErrorCode(err) == platform.CodeConflict {
		return platform.User{}, platform.Errorf(platform.CodeConflict, "there already is a user %s; nothing was created", u.Email).
			WithHint("`sluice user:list --all` shows the users").WithField("email")
	}
	return created, err
}

// newPerson returns the record of a new account, which is not stored yet.
func newPerson(email string) (platform.User, error) {
	normal, err := normalEmail(email)
	if err != nil {
		return platform.User{}, err
	}
	return platform.User{ID: platform.NewID(), Kind: platform.Person, State: platform.UserActive, Email: normal, Username: normal}, nil
}

// normalEmail returns the form of an address in which it is stored.
func normalEmail(text string) (string, error) {
	const most = 254
	a, err := mail.ParseAddress(text)
	if err != nil || a.Name != "" || a.Address != text || len(text) > most || !printable(text) {
		return "", platform.Errorf(platform.CodeInvalid, "%.100q is not an e-mail address; nothing was changed", text).
			WithHint("write it as name@example.com").WithField("email")
	}
	return strings.ToLower(text), nil
}

func checkNames(first, last string) (string, string, error) {
	const most = 100
	for field, name := range map[string]string{"first_name": first, "last_name": last} {
		if len(name) > most || !printable(name) {
			return "", "", platform.Errorf(platform.CodeInvalid, "%.100q cannot be a name; nothing was changed", name).
				WithHint("use %d bytes at most and no control characters", most).WithField(field)
		}
	}
	return strings.TrimSpace(first), strings.TrimSpace(last), nil
}

func printable(text string) bool {
	return !strings.ContainsFunc(text, func(r rune) bool { return r != ' ' && !unicode.IsPrint(r) })
}

// Me returns the account of a subject. It returns CodeNotFound for the operator, who has none.
func (s *Service) Me(ctx context.Context, by access.Subject) (platform.User, error) {
	return s.Records.User(ctx, by.ID)
}

// User returns an account to the user itself and to admins of the installation. For all
// others it does not exist.
func (s *Service) User(ctx context.Context, by access.Subject, id string) (platform.User, error) {
	if by.ID != id && !by.Allows(access.UserManage, "", "") {
		return platform.User{}, noUser(id)
	}
	u, err := s.Records.User(ctx, id)
	if platform.ErrorCode(err) == platform.CodeNotFound {
		return platform.User{}, noUser(id)
	}
	return u, err
}

// Users lists all accounts to admins of the installation.
func (s *Service) Users(ctx context.Context, by access.Subject) ([]platform.User, error) {
	if err := by.Require(access.UserManage, "", ""); err != nil {
		return nil, err
	}
	return s.Records.Users(ctx, "")
}

// ChangeUser changes an account. Users can change their own names, admins of the
// installation everything of everybody.
func (s *Service) ChangeUser(ctx context.Context, by access.Subject, id string, change platform.UserChange) (platform.User, error) {
	if by.ID != id || !by.Full() || change.State != nil {
		if err := by.Require(access.UserManage, "", ""); err != nil {
			return platform.User{}, err
		}
	}
	if change.State != nil && *change.State != platform.UserActive && *change.State != platform.UserDisabled {
		return platform.User{}, platform.Errorf(platform.CodeInvalid, "%q is not a state of a user; nothing was changed", *change.State).
			WithHint("use active or disabled").WithField("state")
	}
	u, err := s.User(ctx, by, id)
	if err != nil {
		return platform.User{}, err
	}
	if err := s.record(ctx, by, access.UserManage, "", "change "+u.Username); err != nil {
		return platform.User{}, err
	}
	return s.Records.ChangeUser(ctx, id, func(u *platform.User) error {
		if change.State != nil {
			u.State = *change.State
		}
		if change.FirstName != nil {
			u.FirstName = *change.FirstName
		}
		if change.LastName != nil {
			u.LastName = *change.LastName
		}
		var err error
		u.FirstName, u.LastName, err = checkNames(u.FirstName, u.LastName)
		return err
	})
}

// DeleteUser removes an account with its tokens, sessions and keys. Only an admin of the
// installation may, and not its own.
func (s *Service) DeleteUser(ctx context.Context, by access.Subject, id string) error {
	if err := by.Require(access.UserManage, "", ""); err != nil {
		return err
	}
	if by.ID == id {
		return platform.Errorf(platform.CodeConflict, "you cannot delete your own account; nothing was changed").
			WithHint("ask another admin, or the operator: sluiced user --delete")
	}
	u, err := s.User(ctx, by, id)
	if err != nil {
		return err
	}
	if err := s.record(ctx, by, access.UserManage, "", "delete "+u.Username); err != nil {
		return err
	}
	return s.Records.DeleteUser(ctx, id)
}

func noUser(id string) error {
	return platform.Errorf(platform.CodeNotFound, "user %.100q not found, or you may not see them", id).
		WithHint("`sluice user:list` shows who has access to a project")
}
