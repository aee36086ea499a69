package httpapi

import (
	"net/http"
	"strings"

	"sluice/apiv1"
	"sluice/internal/access"
	"sluice/internal/platform"
)

// routeCode lists what is shown of a project's repository. Objects never change, so the
// clients that ask for them keep what they got.
func (a *api) routeCode(project string) {
	a.scoped("GET "+project+"/git/refs", access.CodeRead, a.listRefs)
	a.scoped("GET "+project+"/git/refs/{ref...}", access.CodeRead, a.getRef)
	a.scoped("GET "+project+"/git/commits/{id}", access.CodeRead, a.getCommit)
	a.scoped("GET "+project+"/git/trees/{id}", access.CodeRead, a.getTree)
	a.scoped("GET "+project+"/git/blobs/{id}", access.CodeRead, a.getBlob)
}

func (a *api) listRefs(w http.ResponseWriter, r *http.Request, s scope) error {
	refs, err := a.Code.Refs(r.Context(), s.project.ID)
	if err != nil {
		return err
	}
	out := make([]apiv1.Ref, 0, len(refs))
	for _, ref := range refs {
		out = append(out, a.view(s).Ref(ref))
	}
	a.writeJSON(w, r, http.StatusOK, out)
	return nil
}

func (a *api) getRef(w http.ResponseWriter, r *http.Request, s scope) error {
	refs, err := a.Code.Refs(r.Context(), s.project.ID)
	if err != nil {
		return err
	}
	name := "refs/" + strings.TrimPrefix(r.PathValue("ref"), "refs/")
	for _, ref := range refs {
		if ref.Name == name {
			a.writeJSON(w, r, http.StatusOK, a.view(s).Ref(ref))
			return nil
		}
	}
	return platform.Errorf(platform.CodeNotFound, "branch %q not found", strings.TrimPrefix(name, "refs/heads/"))
}

func (a *api) getCommit(w http.ResponseWriter, r *http.Request, s scope) error {
	c, err := a.Code.Commit(r.Context(), s.project.ID, r.PathValue("id"))
	if err != nil {
		return err
	}
	a.writeJSON(w, r, http.StatusOK, a.view(s).Commit(c))
	return nil
}

func (a *api) getTree(w http.ResponseWriter, r *http.Request, s scope) error {
	entries, err := a.Code.Directory(r.Context(), s.project.ID, r.PathValue("id"))
	if err != nil {
		return err
	}
	a.writeJSON(w, r, http.StatusOK, a.view(s).Directory(r.PathValue("id"), entries))
	return nil
}

func (a *api) getBlob(w http.ResponseWriter, r *http.Request, s scope) error {
	content, err := a.Code.Blob(r.Context(), s.project.ID, r.PathValue("id"))
	if err != nil {
		return err
	}
	a.writeJSON(w, r, http.StatusOK, a.view(s).Blob(r.PathValue("id"), content))
	return nil
}
