package httpapi

import (
	"cmp"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"sluice/apiv1"
	"sluice/internal/platform"
)

func (a *api) version(w http.ResponseWriter, r *http.Request) error {
	a.writeJSON(w, r, http.StatusOK, apiv1.Version{Version: a.cfg.Version, API: "1"})
	return nil
}

func (a *api) me(w http.ResponseWriter, r *http.Request) error {
	actor, err := a.authorize(r, "", read)
	if err != nil {
		return err
	}
	user := apiv1.User{ID: actor.ID, Username: actor.ID, DisplayName: actor.Name, Links: apiv1.Links{}}
	user.Links.Set("self", "/api/users/me")
	a.writeJSON(w, r, http.StatusOK, user)
	return nil
}

// listProjects shows the projects that the token may read.
func (a *api) listProjects(w http.ResponseWriter, r *http.Request) error {
	if _, err := a.authorize(r, "", read); err != nil {
		return err
	}
	all, err := a.Projects.Projects(r.Context())
	if err != nil {
		return err
	}
	visible := []apiv1.Project{}
	for _, p := range all {
		_, err := a.authorize(r, p.ID, read)
		switch platform.ErrorCode(err) {
		case "":
			visible = append(visible, a.wireProject(p))
		case platform.CodeForbidden, platform.CodeNotFound:
		default:
			return err
		}
	}
	slices.SortFunc(visible, func(x, y apiv1.Project) int { return cmp.Compare(x.ID, y.ID) })
	a.writeJSON(w, r, http.StatusOK, visible)
	return nil
}

func (a *api) createProject(w http.ResponseWriter, r *http.Request) error {
	if _, err := a.authorize(r, "", write); err != nil {
		return err
	}
	var req apiv1.ProjectCreate
	if err := readJSON(r, &req); err != nil {
		return err
	}
	p := platform.Project{
		ID:            req.ID,
		Title:         cmp.Or(strings.TrimSpace(req.Title), req.ID),
		DefaultBranch: cmp.Or(req.DefaultBranch, "main"),
	}
	if err := validProject(p); err != nil {
		return err
	}
	p, err := a.Projects.CreateProject(r.Context(), p)
	if err != nil {
		return err
	}
	return a.accepted(w, r, http.StatusCreated, a.wireProject(p))
}

// branchPattern is a part of git-check-ref-format that needs no escaping anywhere.
var branchPattern = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9._-]*(/[A-Za-z0-9_][A-Za-z0-9._-]*)*$`)

const (
	maxTitle  = 200
	maxBranch = 200
)

func validProject(p platform.Project) error {
	switch {
	case !platform.ValidProjectID(p.ID):
		return invalid("id", "the project ID %q is not valid; nothing was created", p.ID).
			hint("use 2 to 30 lower-case letters, digits and hyphens, beginning with a letter: my-shop")
	case utf8.RuneCountInString(p.Title) > maxTitle || strings.ContainsFunc(p.Title, isControl):
		return invalid("title", "the title is longer than %d characters or has control characters; nothing was created", maxTitle)
	case len(p.DefaultBranch) > maxBranch || !branchPattern.MatchString(p.DefaultBranch) ||
		strings.Contains(p.DefaultBranch, "..") || strings.HasSuffix(p.DefaultBranch, ".lock"):
		return invalid("default_branch", "%q cannot name a branch; nothing was created", p.DefaultBranch)
	}
	return nil
}

func isControl(r rune) bool { return r < ' ' || r == 0x7f }

// invalid is an error about one field of a request.
func invalid(field, format string, args ...any) *detailed {
	return &detailed{platform.Errorf(platform.CodeInvalid, format, args...), map[string]string{field: "not valid"}}
}

// hint returns a copy of an error of invalid that says what to write instead.
func (d *detailed) hint(text string) *detailed {
	e := &platform.Error{Code: platform.ErrorCode(d.error), Message: d.Error(), Hint: text}
	return &detailed{e, d.detail}
}

func (a *api) getProject(w http.ResponseWriter, r *http.Request, s scope) error {
	a.writeJSON(w, r, http.StatusOK, a.wireProject(s.project))
	return nil
}

func (a *api) deleteProject(w http.ResponseWriter, r *http.Request, s scope) error {
	if err := a.Projects.DeleteProject(r.Context(), s.project.ID); err != nil {
		return err
	}
	return a.accepted(w, r, http.StatusOK, nil)
}

func (a *api) wireProject(p platform.Project) apiv1.Project {
	self := projectPath(p.ID)
	links := apiv1.Links{}
	for rel, at := range map[string]string{
		"self": "", "environments": "/environments", "activities": "/activities", "variables": "/variables",
		"domains": "/domains", "#manage-domains": "/domains", "certificates": "/certificates",
		"#manage-variables": "/variables", "#delete": "",
	} {
		links.Set(rel, self+at)
	}
	return apiv1.Project{
		ID:            p.ID,
		Title:         p.Title,
		DefaultBranch: p.DefaultBranch,
		Timezone:      "UTC",
		Status:        apiv1.ProjectStatus{Code: "provision", Message: "ok"},
		Repository:    apiv1.Repository{URL: a.cfg.RepositoryURL(p.ID)},
		CreatedAt:     apiv1.Time{Time: p.CreatedAt},
		UpdatedAt:     apiv1.Time{Time: p.UpdatedAt},
		Links:         links,
	}
}
