package account

import (
	"context"
	"slices"
	"time"

	"sluice/internal/access"
	"sluice/internal/platform"
)

// Limits of invitations.
const (
	invitationLife = 7 * 24 * time.Hour
	maxInvitations = 100                 // to one project, not accepted yet
	invitationKept = 30 * 24 * time.Hour // after it has expired
)

// Invite gives the person with an e-mail address access to a project, as AddMember does, when
// there is an account whose address is known to be theirs. Else it makes an invitation, which
// whoever has its secret can accept once, and returns it. It returns CodeConflict when there
// is an open one for the address, unless force, which replaces it.
func (s *Service) Invite(ctx context.Context, by access.Subject, project, email string, wanted access.Grant, force bool) (access.Member, *platform.Invitation, error) {
	grant, err := memberGrant(by, project, wanted)
	if err != nil {
		return access.Member{}, nil, err
	}
	u, err := s.Records.UserByLogin(ctx, email)
	if err == nil && !u.EmailUnverified {
		m, err := s.addMember(ctx, by, project, u, grant, force)
		return m, nil, err
	}
	if err != nil && platform.ErrorCode(err) != platform.CodeNotFound {
		return access.Member{}, nil, err
	}
	if err == nil {
		email = u.Email
	}
	normal, err := normalEmail(email)
	if err != nil {
		return access.Member{}, nil, err
	}
	v, err := s.saveInvitation(ctx, by, platform.Invitation{Project: project, Email: normal, Scope: grant.String()}, force)
	if err != nil {
		return access.Member{}, nil, err
	}
	return access.Member{Grant: grant}, &v, nil
}

// saveInvitation stores an invitation with a new secret.
func (s *Service) saveInvitation(ctx context.Context, by access.Subject, v platform.Invitation, replace bool) (platform.Invitation, error) {
	all, err := s.Records.Invitations(ctx, v.Project)
	if err != nil {
		return v, err
	}
	for _, old := range all {
		if s.now().Sub(old.ExpiresAt) > invitationKept {
			if err := s.Records.DeleteInvitation(ctx, old.Project, old.ID); err != nil && platform.ErrorCode(err) != platform.CodeNotFound {
				return v, err
			}
		}
		if old.Email == v.Email && s.now().Before(old.ExpiresAt) && !replace {
			return v, platform.Errorf(platform.CodeConflict, "%s is invited already; nothing was changed", v.Email).
				WithHint("`sluice invitation:list -p %s` shows the address to open; user:add --force-invite makes another", v.Project).WithField("email")
		}
	}
	if len(all) >= maxInvitations && !slices.ContainsFunc(all, func(old platform.Invitation) bool { return old.Email == v.Email }) {
		return v, platform.Errorf(platform.CodeRateLimited, "the project has %d invitations that nobody has accepted; nothing was changed", len(all)).
			WithHint("cancel some of them: sluice invitation:cancel")
	}
	if err := s.record(ctx, by, access.MembersManage, v.Project, "invite "+v.Email+" as "+v.Scope); err != nil {
		return v, err
	}
	v.ID, v.Secret = platform.NewID(), platform.InvitationSecret(newSecret("sluice_invitation_"))
	v.Hash, v.InvitedBy, v.Vouched = hashSecret(string(v.Secret)), by.Actor, by.Allows(access.UserManage, "", "")
	v.CreatedAt = s.now().UTC()
	v.ExpiresAt = v.CreatedAt.Add(invitationLife)
	return v, s.Records.SaveInvitation(ctx, v)
}

// Invitations lists those to a project that have not been accepted, expired ones too, to those
// who may invite.
func (s *Service) Invitations(ctx context.Context, by access.Subject, project string) ([]platform.Invitation, error) {
	if err := by.Require(access.MembersManage, project, ""); err != nil {
		return nil, err
	}
	return s.Records.Invitations(ctx, project)
}

// Invitation returns one of the invitations to a project, or CodeNotFound.
func (s *Service) Invitation(ctx context.Context, by access.Subject, project, id string) (platform.Invitation, error) {
	all, err := s.Invitations(ctx, by, project)
	if err != nil {
		return platform.Invitation{}, err
	}
	i := slices.IndexFunc(all, func(v platform.Invitation) bool { return v.ID == id })
	if i < 0 {
		return platform.Invitation{}, platform.Errorf(platform.CodeNotFound, "invitation %.100q not found; nothing was changed", id).
			WithHint("`sluice invitation:list -p %s` shows those that are open", project)
	}
	return all[i], nil
}

// ResendInvitation gives an invitation another secret and the time of a new one. The earlier
// secret is worthless then.
func (s *Service) ResendInvitation(ctx context.Context, by access.Subject, project, id string) (platform.Invitation, error) {
	v, err := s.Invitation(ctx, by, project, id)
	if err != nil {
		return v, err
	}
	return s.saveInvitation(ctx, by, v, true)
}

// CancelInvitation makes an invitation worthless.
func (s *Service) CancelInvitation(ctx context.Context, by access.Subject, project, id string) error {
	v, err := s.Invitation(ctx, by, project, id)
	if err != nil {
		return err
	}
	if err := s.record(ctx, by, access.MembersManage, project, "cancel the invitation of "+v.Email); err != nil {
		return err
	}
	return s.Records.DeleteInvitation(ctx, project, v.ID)
}

// OpenInvitation returns the invitation with a secret. It returns CodeNotFound, always with the
// same text, when it was accepted, cancelled or replaced, has expired, or never was one, and
// when who invited may not any more. It returns CodeRateLimited after too many failures.
func (s *Service) OpenInvitation(ctx context.Context, secret, address string) (platform.Invitation, error) {
	name := "invitation " + hashSecret(secret)
	if err := s.throttle.reserve(s.now(), name, address); err != nil {
		return platform.Invitation{}, err
	}
	v, err := s.findInvitation(ctx, secret)
	if err == nil {
		s.throttle.forgive(name, address)
	}
	return v, err
}

func (s *Service) findInvitation(ctx context.Context, secret string) (platform.Invitation, error) {
	v, err := s.Records.InvitationByHash(ctx, hashSecret(secret))
	var ok bool
	if err == nil {
		ok, err = s.counts(ctx, v)
	}
	if err == nil && ok {
		return v, nil
	}
	if err != nil && platform.ErrorCode(err) != platform.CodeNotFound {
		return platform.Invitation{}, err
	}
	return platform.Invitation{}, platform.Errorf(platform.CodeNotFound, "this invitation was used, withdrawn or replaced, or has expired").
		WithHint("ask who invited you for another one")
}

// counts reports whether an invitation has not expired and whoever invited may still do so.
func (s *Service) counts(ctx context.Context, v platform.Invitation) (bool, error) {
	if !s.now().Before(v.ExpiresAt) {
		return false, nil
	}
	if v.InvitedBy.ID == access.Operator().ID {
		return true, nil
	}
	u, err := s.Records.User(ctx, v.InvitedBy.ID)
	if platform.ErrorCode(err) == platform.CodeNotFound {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	inviter := access.Subject{Actor: u.Actor(), Grants: parseGrants(u.Grants)}
	return u.State == platform.UserActive && inviter.Allows(access.MembersManage, v.Project, ""), nil
}

// openInvitations lists the invitations of an address that count.
func (s *Service) openInvitations(ctx context.Context, email string) ([]platform.Invitation, error) {
	all, err := s.Records.InvitationsOf(ctx, email)
	if err != nil {
		return nil, err
	}
	var open []platform.Invitation
	for _, v := range all {
		ok, err := s.counts(ctx, v)
		if err != nil {
			return nil, err
		}
		if ok {
			open = append(open, v)
		}
	}
	return open, nil
}

// InvitedUser reports whether the address of an invitation has an account already, whose
// password accepts it.
func (s *Service) InvitedUser(ctx context.Context, v platform.Invitation) (platform.User, bool, error) {
	u, err := s.Records.UserByLogin(ctx, v.Email)
	if platform.ErrorCode(err) == platform.CodeNotFound {
		return platform.User{}, false, nil
	}
	return u, err == nil, err
}

// AcceptInvitation makes an account with a password, or takes the password of the one that
// the address has, and gives it the access to the project. It returns the invitation, which
// does not count any more.
//
// The address of the new account is not verified: whoever invited has the secret, too. So
// what others give to that address does not reach the account by itself, see Invite.
func (s *Service) AcceptInvitation(ctx context.Context, secret string, by platform.Acceptance) (platform.Invitation, error) {
	s.accepting.Lock()
	defer s.accepting.Unlock()
	v, err := s.OpenInvitation(ctx, secret, by.Address)
	if err != nil {
		return v, err
	}
	u, exists, err := s.InvitedUser(ctx, v)
	if err != nil {
		return v, err
	}
	if exists {
		err = s.proveAccount(ctx, u, by)
	} else {
		u, err = s.activate(ctx, v, by)
	}
	if err != nil {
		return v, err
	}
	return v, s.grantInvited(ctx, v, u)
}

// proveAccount checks the password and the second factor of an account.
func (s *Service) proveAccount(ctx context.Context, u platform.User, by platform.Acceptance) error {
	if err := s.throttle.reserve(s.now(), u.Username, by.Address); err != nil {
		return err
	}
	if u.Kind != platform.Person {
		return errLogIn()
	}
	if _, err := s.prove(ctx, u, true, platform.LogIn{Password: by.Password, OneTime: by.OneTime}); err != nil {
		return err
	}
	s.throttle.forgive(u.Username, by.Address)
	return nil
}

// activate makes the account of an invitation.
func (s *Service) activate(ctx context.Context, v platform.Invitation, by platform.Acceptance) (platform.User, error) {
	u, err := newPerson(v.Email)
	if err != nil {
		return u, err
	}
	if u.FirstName, u.LastName, err = checkNames(by.FirstName, by.LastName); err != nil {
		return u, err
	}
	if u.Password, err = s.passwords.hash(ctx, by.Password); err != nil {
		return u, err
	}
	u.EmailUnverified = !v.Vouched
	if err := s.record(ctx, access.Subject{Actor: u.Actor()}, access.UserManage, "", "create "+u.Email+" by an invitation of "+v.InvitedBy.Name); err != nil {
		return u, err
	}
	return s.createPerson(ctx, u)
}

// grantInvited gives a user what an invitation says, and ends the invitation.
func (s *Service) grantInvited(ctx context.Context, v platform.Invitation, u platform.User) error {
	if err := s.record(ctx, access.Subject{Actor: u.Actor()}, access.MembersManage, v.Project, "accept the invitation of "+v.InvitedBy.Name+" as "+v.Scope); err != nil {
		return err
	}
	err := s.Records.SetGrants(ctx, u.ID, v.Project, func(now []string) ([]string, error) {
		if len(now) > 0 { // what somebody gave since then stays
			return now, nil
		}
		return []string{v.Scope}, nil
	})
	if err != nil {
		return err
	}
	return s.Records.DeleteInvitation(ctx, v.Project, v.ID)
}

// acceptAll accepts, for somebody whom a provider has identified, the invitation that the
// log-in began with and all others of an address that is verified. It returns the project of
// the former.
func (s *Service) acceptAll(ctx context.Context, p platform.ProviderPolicy, t ticket, u platform.User) (project string, err error) {
	s.accepting.Lock()
	defer s.accepting.Unlock()
	if t.invitation != "" {
		v, err := s.findInvitation(ctx, t.invitation)
		if err != nil {
			return "", err
		}
		if v.Email != u.Email {
			return "", platform.Errorf(platform.CodeForbidden, "the invitation is for %s, and you logged in as %s; nothing was changed", v.Email, u.Email).
				WithHint("log in as %s, or ask for an invitation of your address", v.Email)
		}
		if err := s.grantInvited(ctx, v, u); err != nil {
			return "", err
		}
		project = v.Project
	}
	if !p.Verified(t.identity) || lowerEmail(t.identity.Email) != u.Email {
		return project, nil
	}
	open, err := s.openInvitations(ctx, u.Email)
	if err != nil {
		return project, err
	}
	for _, v := range open {
		if err := s.grantInvited(ctx, v, u); err != nil {
			return project, err
		}
	}
	return project, nil
}
