package httpapi

import (
	"net/http"
	"net/url"
	"strconv"
	"time"

	"sluice/apiv1"
	"sluice/internal/access"
	"sluice/internal/platform"
)

// maxTokenLife is the longest life that a request can ask for.
const maxTokenLife = 10 * 365 * 24 * time.Hour

func (a *api) listTokens(w http.ResponseWriter, r *http.Request, subject access.Subject) error {
	list, err := a.Accounts.Tokens(r.Context(), subject)
	if err != nil {
		return err
	}
	out := make([]apiv1.Token, 0, len(list))
	for _, t := range list {
		out = append(out, wireToken(t))
	}
	a.writeJSON(w, r, http.StatusOK, out)
	return nil
}

// createToken is the only response that holds a token.
func (a *api) createToken(w http.ResponseWriter, r *http.Request, subject access.Subject) error {
	var req apiv1.TokenCreate
	if err := readJSON(r, &req); err != nil {
		return err
	}
	if req.ExpiresIn < 0 || req.ExpiresIn > maxTokenLife.Seconds() {
		return invalid("expires_in", "a token lasts 0 to %g seconds, where 0 is without end, not %g; nothing was created",
			maxTokenLife.Seconds(), req.ExpiresIn)
	}
	secret, t, err := a.Accounts.CreateToken(r.Context(), subject, platform.NewToken{
		Name: req.Name, Scopes: req.Scopes, Life: time.Duration(req.ExpiresIn * float64(time.Second)),
	})
	if err != nil {
		return err
	}
	wire := wireToken(t)
	wire.Token = secret
	return a.accepted(w, r, http.StatusCreated, wire)
}

func (a *api) revokeToken(w http.ResponseWriter, r *http.Request, subject access.Subject) error {
	if err := a.Accounts.RevokeToken(r.Context(), subject, r.PathValue("token")); err != nil {
		return err
	}
	return a.accepted(w, r, http.StatusOK, nil)
}

func wireToken(t platform.Token) apiv1.Token {
	wire := apiv1.Token{
		ID: t.ID, User: t.User, Name: t.Name, Scopes: append([]string{}, t.Scopes...), CreatedBy: apiv1.NullString(t.CreatedBy),
		CreatedAt: apiv1.Time{Time: t.CreatedAt}, ExpiresAt: apiv1.Time{Time: t.ExpiresAt}, LastUsedAt: apiv1.Time{Time: t.LastUsedAt},
		Links: apiv1.Links{},
	}
	wire.Links.Set("#delete", "/api/tokens/"+url.PathEscape(t.ID))
	return wire
}

// installationAudit lists the audit log of everything.
func (a *api) installationAudit(w http.ResponseWriter, r *http.Request, subject access.Subject) error {
	if err := a.Gate.Authorize(r.Context(), subject, access.InstallationManage, "", ""); err != nil {
		return err
	}
	return a.writeAudit(w, r, "")
}

func (a *api) projectAudit(w http.ResponseWriter, r *http.Request, s scope) error {
	return a.writeAudit(w, r, s.project.ID)
}

func (a *api) writeAudit(w http.ResponseWriter, r *http.Request, project string) error {
	f := platform.AuditFilter{Project: project}
	var err error
	if f.Limit, err = countParameter(r, "count", defaultActivities, maxActivities); err != nil {
		return err
	}
	if v := r.FormValue("before"); v != "" {
		if f.Before, err = strconv.ParseInt(v, 10, 64); err != nil || f.Before < 0 {
			return invalid("before", "before must be the id of an entry")
		}
	}
	list, err := a.Audit.Audit(r.Context(), f)
	if err != nil {
		return err
	}
	out := make([]apiv1.AuditEntry, 0, len(list))
	for _, e := range list {
		out = append(out, apiv1.AuditEntry{
			ID: e.ID, CreatedAt: apiv1.Time{Time: e.Time}, User: e.Actor.Name, Action: e.Action,
			Project: apiv1.NullString(e.Project), Environment: apiv1.NullString(e.Environment), Detail: e.Detail,
		})
	}
	a.writeJSON(w, r, http.StatusOK, out)
	return nil
}
