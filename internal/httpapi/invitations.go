package httpapi

import (
	"cmp"
	"html/template"
	"net/http"
	"net/url"
	"time"

	"sluice/apiv1"
	"sluice/internal/access"
	"sluice/internal/platform"
)

// routeInvitations lists the invitations to a project.
func (a *api) routeInvitations(project string) {
	all := project + "/invitations"
	a.scoped("GET "+all, access.MembersManage, a.listInvitations)
	a.scoped("POST "+all, access.MembersManage, a.invite)
	a.scoped("GET "+all+"/{invitation}", access.MembersManage, a.getInvitation)
	a.scoped("DELETE "+all+"/{invitation}", access.MembersManage, a.cancelInvitation)
	a.scoped("POST "+all+"/{invitation}/resend", access.MembersManage, a.resendInvitation)
}

// invite gives a user access, or makes an invitation for somebody who has no account.
func (a *api) invite(w http.ResponseWriter, r *http.Request, s scope) error {
	var req apiv1.InvitationCreate
	if err := readJSON(r, &req); err != nil {
		return err
	}
	wanted := access.Grant{Types: map[platform.EnvironmentType]access.Role{}}
	if access.Role(req.Role) == access.Admin {
		wanted.Role = access.Admin
	}
	for _, p := range req.Permissions {
		wanted.Types[platform.EnvironmentType(p.Type)] = access.Role(p.Role)
	}
	m, open, err := a.Accounts.Invite(r.Context(), s.subject, s.project.ID, req.Email, wanted, req.Force)
	if err != nil {
		return err
	}
	if open != nil {
		w.Header().Set("Location", a.invitationURL(string(open.Secret)))
		a.writeJSON(w, r, http.StatusCreated, a.view(s).Invitation(*open, a.invitationURL(string(open.Secret)), time.Now()))
		return nil
	}
	out := apiv1.Invitation{
		ID: m.User.ID, State: "accepted", Email: req.Email, Role: string(m.Grant.OnProject()),
		Environments: []string{}, Permissions: append([]apiv1.TypeRole{}, req.Permissions...), Links: apiv1.Links{},
	}
	a.writeJSON(w, r, http.StatusCreated, out)
	return nil
}

// invitationURL is what the invited person opens.
func (a *api) invitationURL(secret string) string {
	return a.cfg.PublicURL + "/invitations/" + url.PathEscape(secret)
}

func (a *api) listInvitations(w http.ResponseWriter, r *http.Request, s scope) error {
	all, err := a.Accounts.Invitations(r.Context(), s.subject, s.project.ID)
	if err != nil {
		return err
	}
	out := make([]apiv1.Invitation, 0, len(all))
	for _, v := range all {
		out = append(out, a.view(s).Invitation(v, a.invitationURL(string(v.Secret)), time.Now()))
	}
	a.writeJSON(w, r, http.StatusOK, out)
	return nil
}

func (a *api) getInvitation(w http.ResponseWriter, r *http.Request, s scope) error {
	v, err := a.Accounts.Invitation(r.Context(), s.subject, s.project.ID, r.PathValue("invitation"))
	if err != nil {
		return err
	}
	a.writeJSON(w, r, http.StatusOK, a.view(s).Invitation(v, a.invitationURL(string(v.Secret)), time.Now()))
	return nil
}

func (a *api) resendInvitation(w http.ResponseWriter, r *http.Request, s scope) error {
	v, err := a.Accounts.ResendInvitation(r.Context(), s.subject, s.project.ID, r.PathValue("invitation"))
	if err != nil {
		return err
	}
	return a.accepted(w, r, http.StatusOK, a.view(s).Invitation(v, a.invitationURL(string(v.Secret)), time.Now()))
}

func (a *api) cancelInvitation(w http.ResponseWriter, r *http.Request, s scope) error {
	if err := a.Accounts.CancelInvitation(r.Context(), s.subject, s.project.ID, r.PathValue("invitation")); err != nil {
		return err
	}
	return a.accepted(w, r, http.StatusOK, nil)
}

// invitationPage shows an invitation. To open it changes nothing: programs that look at links
// do, too.
func (a *api) invitationPage(w http.ResponseWriter, r *http.Request) {
	v, err := a.Accounts.OpenInvitation(r.Context(), r.PathValue("secret"), remoteAddress(r))
	var view pageView
	if err == nil {
		view, err = a.invitationView(r, v)
	}
	if err != nil {
		a.failInvitation(w, r, err)
		return
	}
	a.show(w, r, http.StatusOK, view)
}

func (a *api) failInvitation(w http.ResponseWriter, r *http.Request, err error) {
	view := pageView{Title: "Invitation"}
	a.show(w, r, a.problem(w, r, &view, err), view)
}

func (a *api) invitationView(r *http.Request, v platform.Invitation) (pageView, error) {
	project, err := a.Projects.Project(r.Context(), v.Project)
	if err != nil {
		return pageView{}, err
	}
	u, known, err := a.Accounts.InvitedUser(r.Context(), v)
	if err != nil {
		return pageView{}, err
	}
	return pageView{
		Kind: "invitation", Title: "Invitation", Login: v.Email, Inviter: v.InvitedBy.Name, Project: cmp.Or(project.Title, project.ID),
		Known: known, WantsOneTime: known && u.Factor.Enabled(), Expires: v.ExpiresAt.UTC().Format("2 January 2006, 15:04 UTC"),
		Providers: a.Accounts.ProviderPolicies(), ProviderPath: url.PathEscape(string(v.Secret)) + "/provider/", Query: template.URL(""),
	}, nil
}

// acceptInvitation serves the form.
func (a *api) acceptInvitation(w http.ResponseWriter, r *http.Request) {
	err := checkForm(r)
	if err != nil {
		a.failInvitation(w, r, err)
		return
	}
	form := r.PostForm
	if form.Has("repeated") && form.Get("repeated") != form.Get("password") {
		err = invalid("repeated", "the two passwords are not the same; nothing was changed").WithHint("enter them again")
	}
	var v platform.Invitation
	if err == nil {
		v, err = a.Accounts.AcceptInvitation(r.Context(), r.PathValue("secret"), platform.Acceptance{
			FirstName: form.Get("first_name"), LastName: form.Get("last_name"), Password: form.Get("password"), OneTime: form.Get("one_time"),
			Address: remoteAddress(r),
		})
	}
	if err == nil {
		a.showAccepted(w, r, v.Project)
		return
	}
	v, openErr := a.Accounts.OpenInvitation(r.Context(), r.PathValue("secret"), remoteAddress(r))
	if openErr != nil {
		a.failInvitation(w, r, err)
		return
	}
	view, viewErr := a.invitationView(r, v)
	if viewErr != nil {
		a.failInvitation(w, r, viewErr)
		return
	}
	view.FirstName, view.LastName = form.Get("first_name"), form.Get("last_name")
	a.show(w, r, a.problem(w, r, &view, err), view)
}

// showAccepted says how to go on from a browser to a client.
func (a *api) showAccepted(w http.ResponseWriter, r *http.Request, project string) {
	a.show(w, r, http.StatusOK, pageView{
		Title: "You have access", Text: "The invitation to the project " + project + " is accepted. Log in with a command line client:",
		Command: "sluice auth:login --server " + a.cfg.PublicURL,
	})
}
