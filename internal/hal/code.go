package hal

import (
	"strings"

	"sluice/apiv1"
	"sluice/internal/platform"
)

func (v View) gitLinks(kind, id string) apiv1.Links {
	links := apiv1.Links{}
	links.Set("self", projectPath(v.Project.ID)+"/git/"+kind+"/"+id)
	return links
}

// Commit renders a commit.
func (v View) Commit(c platform.Commit) apiv1.Commit {
	return apiv1.Commit{
		ID: c.ID, SHA: c.ID, Author: signature(c.Author), Committer: signature(c.Committer), Message: strings.ToValidUTF8(c.Message, "\uFFFD"),
		Tree: c.Tree, Parents: append([]string{}, c.Parents...), Links: v.gitLinks("commits", c.ID),
	}
}

func signature(s platform.Signature) apiv1.Signature {
	return apiv1.Signature{Name: s.Name, Email: s.Email, Date: apiv1.Time{Time: s.Time}}
}

// Directory renders one directory of a commit.
func (v View) Directory(id string, entries []platform.TreeEntry) apiv1.Tree {
	out := apiv1.Tree{ID: id, SHA: id, Tree: []apiv1.TreeEntry{}, Links: v.gitLinks("trees", id)}
	for _, e := range entries {
		out.Tree = append(out.Tree, apiv1.TreeEntry{Path: e.Name, Mode: e.Mode, Type: e.Type, SHA: e.ID})
	}
	return out
}

// Blob renders the content of a file.
func (v View) Blob(id string, content []byte) apiv1.Blob {
	return apiv1.Blob{ID: id, SHA: id, Size: len(content), Encoding: "base64", Content: append([]byte{}, content...), Links: v.gitLinks("blobs", id)}
}

// Ref renders a branch.
func (v View) Ref(r platform.Ref) apiv1.Ref {
	return apiv1.Ref{
		ID: r.Name, Ref: r.Name, Object: apiv1.RefObject{Type: "commit", SHA: r.Commit},
		Links: v.gitLinks("refs", strings.TrimPrefix(r.Name, "refs/")),
	}
}
