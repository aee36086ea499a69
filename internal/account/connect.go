package account

import (
	"context"
	"slices"

	"sluice/internal/access"
	"sluice/internal/platform"
)

// userOf returns the account of an identity. It is the one that the identity is connected
// to, whatever its address is by now. An identity that is new here, as connect reports, goes by
// its address, if that is verified: to an account without a way to log in, or to one with
// a password, which then has to be given. Else an account is made for somebody who is invited,
// or for everybody where the operator wants that.
func (s *Service) userOf(ctx context.Context, p platform.ProviderPolicy, t ticket) (u platform.User, connect bool, err error) {
	i := t.identity
	if why := p.Refusal(i); why != "" {
		return u, false, platform.Errorf(platform.CodeForbidden, "%s knows you, but %s", p.Title, why).WithHint("ask an admin of this server")
	}
	u, err = s.Records.UserByIdentity(ctx, i.Issuer, i.Subject)
	switch {
	case err == nil:
		return u, false, mayEnter(u)
	case platform.ErrorCode(err) != platform.CodeNotFound:
		return u, false, err
	case !p.Verified(i):
		return u, false, platform.Errorf(platform.CodeForbidden, "%s does not say that your e-mail address is verified, so it cannot say which account is yours", p.Title).
			WithHint("verify your address there, then begin again")
	}
	email, err := normalEmail(i.Email)
	if err != nil {
		return u, false, platform.Errorf(platform.CodeForbidden, "the address that %s has of you cannot be used here", p.Title).WithHint("ask an admin of this server")
	}
	u, err = s.Records.UserByLogin(ctx, email)
	switch {
	case platform.ErrorCode(err) == platform.CodeNotFound:
		u, err = s.register(ctx, p, t, email)
		return u, true, err
	case err != nil:
		return u, false, err
	}
	return known(p, i, u)
}

// known returns an account with the address of an identity that is new here.
func known(p platform.ProviderPolicy, i platform.Identity, u platform.User) (platform.User, bool, error) {
	if err := mayEnter(u); err != nil {
		return u, false, err
	}
	switch {
	case slices.Contains(u.Issuers, i.Issuer):
		return u, false, platform.Errorf(platform.CodeConflict, "the account of %s belongs to somebody else of %s", u.Email, p.Title).
			WithHint("an address can go to another person, so this is not changed by itself. The operator can: sluiced user --disconnect %s", u.Username)
	case u.Password != "":
		return u, true, nil // by the password
	case len(u.Issuers) > 0 || u.EmailUnverified:
		return u, false, platform.Errorf(platform.CodeConflict, "the account of %s has another way to log in", u.Email).
			WithHint("use that, or ask the operator: sluiced user --disconnect %s", u.Username)
	}
	return u, true, nil
}

func mayEnter(u platform.User) error {
	if u.State == platform.UserActive && u.Kind == platform.Person {
		return nil
	}
	return platform.Errorf(platform.CodeForbidden, "the account is %s", u.State).WithHint("ask an admin of the installation to activate it")
}

// connect records that the log-ins of an identity are those of a user.
func (s *Service) connect(ctx context.Context, p platform.ProviderPolicy, i platform.Identity, u platform.User) error {
	if err := s.record(ctx, access.Subject{Actor: u.Actor()}, access.UserManage, "", "connect "+u.Username+" to "+p.ID+" "+i.Subject); err != nil {
		return err
	}
	err := s.Records.Connect(ctx, platform.Connection{Issuer: i.Issuer, Subject: i.Subject, User: u.ID, Email: i.Email})
	if platform.ErrorCode(err) == platform.CodeConflict {
		return platform.Errorf(platform.CodeConflict, "the account was connected by another log-in at the same time").WithHint("begin again")
	}
	if err != nil {
		return err
	}
	if u.EmailUnverified && p.Verified(i) && u.Email == lowerEmail(i.Email) {
		_, err = s.Records.ChangeUser(ctx, u.ID, func(u *platform.User) error { u.EmailUnverified = false; return nil })
	}
	return err
}

func lowerEmail(email string) string {
	normal, err := normalEmail(email)
	if err != nil {
		return ""
	}
	return normal
}

// register makes an account for an identity.
func (s *Service) register(ctx context.Context, p platform.ProviderPolicy, t ticket, email string) (platform.User, error) {
	open, err := s.openInvitations(ctx, email)
	if err != nil {
		return platform.User{}, err
	}
	if len(open) == 0 && !p.Everybody {
		return platform.User{}, platform.Errorf(platform.CodeForbidden, "there is no account of %s here", email).
			WithHint("ask an admin of your project for an invitation: sluice user:add %s", email)
	}
	u, err := newPerson(email)
	if err != nil {
		return platform.User{}, err
	}
	if first, last, err := checkNames(t.identity.FirstName, t.identity.LastName); err == nil { // names are for show
		u.FirstName, u.LastName = first, last
	}
	by := access.Subject{Actor: platform.Actor{ID: u.ID, Name: u.Username}}
	if err := s.record(ctx, by, access.UserManage, "", "create "+u.Email+" through "+p.ID); err != nil {
		return platform.User{}, err
	}
	return s.createPerson(ctx, u)
}

// Disconnect removes the identities of a user: the next log-in through a provider connects
// one again, by the rules for a new one. It ends all log-ins of the user. Only an admin of the
// installation may do this.
func (s *Service) Disconnect(ctx context.Context, by access.Subject, user string) error {
	if err := by.Require(access.UserManage, "", ""); err != nil {
		return err
	}
	u, err := s.User(ctx, by, user)
	if err != nil {
		return err
	}
	if err := s.record(ctx, by, access.UserManage, "", "disconnect "+u.Username); err != nil {
		return err
	}
	if err := s.Records.Disconnect(ctx, user); err != nil {
		return err
	}
	return s.Records.DeleteSessions(ctx, user, "")
}
