package hal

import (
	"strconv"
	"time"

	"sluice/apiv1"
	"sluice/internal/access"
	"sluice/internal/platform"
)

// User shows an account.
func User(u platform.User) apiv1.User {
	wire := apiv1.User{
		ID: u.ID, Username: u.Username, DisplayName: u.DisplayName(), Email: u.Email, EmailVerified: u.Email != "" && !u.EmailUnverified,
		FirstName: u.FirstName, LastName: u.LastName, Kind: string(u.Kind), State: string(u.State), MFAEnabled: u.Factor.Enabled(), SSOEnabled: len(u.Issuers) > 0,
		Scopes: append([]string{}, u.Grants...), CreatedAt: apiv1.Time{Time: u.CreatedAt}, UpdatedAt: apiv1.Time{Time: u.UpdatedAt},
		LastLoginAt: apiv1.Time{Time: u.LastLoginAt}, Links: apiv1.Links{},
	}
	wire.Links.Set("self", "/api/users/"+u.ID)
	return wire
}

// Invitation shows an invitation, with the address that the invited person opens, as of now.
func (v View) Invitation(i platform.Invitation, address string, now time.Time) apiv1.Invitation {
	wire := apiv1.Invitation{
		ID: i.ID, State: "pending", Email: i.Email, Environments: []string{}, Permissions: []apiv1.TypeRole{}, ActivationURL: address,
		InvitedBy: i.InvitedBy.Name, CreatedAt: apiv1.Time{Time: i.CreatedAt}, ExpiresAt: apiv1.Time{Time: i.ExpiresAt}, Links: apiv1.Links{},
	}
	if !now.Before(i.ExpiresAt) {
		wire.State, wire.ActivationURL = "expired", ""
	}
	if g, err := access.ParseGrant(i.Scope); err == nil {
		wire.Role = string(g.OnProject())
		for _, kind := range access.Types() {
			if role := g.Types[kind]; role != access.NoRole {
				wire.Permissions = append(wire.Permissions, apiv1.TypeRole{Type: string(kind), Role: string(role)})
			}
		}
	}
	self := v.ProjectPath() + "/invitations/" + i.ID
	wire.Links.Set("self", self)
	wire.Links.Set("#delete", self)
	wire.Links.Set("#resend", self+"/resend")
	return wire
}

// SSHKey shows a public key with its fingerprint.
func SSHKey(k platform.SSHKey, fingerprint string) apiv1.SSHKey {
	wire := apiv1.SSHKey{
		KeyID: k.ID, Title: k.Title, Fingerprint: fingerprint, Value: k.Value, CreatedAt: apiv1.Time{Time: k.CreatedAt}, Links: apiv1.Links{},
	}
	self := "/api/ssh_keys/" + strconv.FormatInt(k.ID, 10)
	wire.Links.Set("self", self)
	wire.Links.Set("#delete", self)
	return wire
}

// Member shows a member. Who only has roles on types of environments is a viewer of the
// project.
func (v View) Member(m access.Member) apiv1.Access {
	wire := apiv1.Access{ID: m.User.ID, Role: string(m.Grant.OnProject()), TypeRoles: map[string]string{}, Links: apiv1.Links{}}
	for _, kind := range access.Types() {
		if role := m.Grant.On(kind); role != access.NoRole {
			wire.TypeRoles[string(kind)] = string(role)
		}
	}
	user := User(m.User)
	user.Scopes, user.MFAEnabled, user.LastLoginAt = []string{}, false, apiv1.Time{} // not the business of a project
	wire.Embedded.Users = []apiv1.User{user}
	self := projectPath(v.Project.ID) + "/access/" + m.User.ID
	v.editable(wire.Links, self, access.MembersManage, "")
	return wire
}

// EnvironmentType shows a type of environments.
func (v View) EnvironmentType(kind platform.EnvironmentType) apiv1.EnvironmentType {
	wire := apiv1.EnvironmentType{ID: string(kind), Links: apiv1.Links{}}
	self := projectPath(v.Project.ID) + "/environment-types/" + string(kind)
	wire.Links.Set("self", self)
	wire.Links.Set("#access", self+"/access")
	return wire
}

// TypeAccess shows the role of a user on the environments of a type.
func (v View) TypeAccess(kind platform.EnvironmentType, user string, role access.Role) apiv1.TypeAccess {
	wire := apiv1.TypeAccess{ID: user, Role: string(role), Links: apiv1.Links{}}
	self := projectPath(v.Project.ID) + "/environment-types/" + string(kind) + "/access/" + user
	wire.Links.Set("self", self)
	if v.allows(access.TypeMembersManage, kind) {
		wire.Links.Set("#edit", self)
	}
	return wire
}
