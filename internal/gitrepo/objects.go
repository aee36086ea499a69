package gitrepo

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"sluice/internal/platform"
)

// MaxShownBlob is the size of the largest file that Blob returns, in bytes.
const MaxShownBlob = 8 << 20

// Refs lists the branches of the project by name.
func (r *Repos) Refs(ctx context.Context, project string) ([]platform.Ref, error) {
	branches, err := r.Branches(ctx, project)
	if err != nil {
		return nil, err
	}
	refs := make([]platform.Ref, 0, len(branches))
	for _, b := range branches {
		refs = append(refs, platform.Ref{Name: "refs/heads/" + b.Name, Commit: b.Commit})
	}
	return refs, nil
}

// Commit reads a commit by its full identifier. It returns CodeNotFound when there is none.
func (r *Repos) Commit(ctx context.Context, project, id string) (platform.Commit, error) {
	text, err := r.object(ctx, project, "commit", id, maxOutput)
	if err != nil {
		return platform.Commit{}, err
	}
	c := platform.Commit{ID: id}
	headers, message, _ := strings.Cut(text, "\n\n")
	c.Message = message
	for line := range strings.Lines(headers) {
		name, value, _ := strings.Cut(strings.TrimSuffix(line, "\n"), " ")
		switch name { // lines that go on begin with a space
		case "tree":
			c.Tree = value
		case "parent":
			c.Parents = append(c.Parents, value)
		case "author":
			c.Author = parseSignature(value)
		case "committer":
			c.Committer = parseSignature(value)
		}
	}
	return c, nil
}

// parseSignature reads "Name <email> seconds zone"; of what is malformed it returns the rest.
func parseSignature(s string) platform.Signature {
	name, rest, _ := strings.Cut(s, " <")
	email, when, _ := strings.Cut(rest, "> ")
	out := platform.Signature{Name: name, Email: email}
	seconds, zone, _ := strings.Cut(when, " ")
	n, err := strconv.ParseInt(seconds, 10, 64)
	if err != nil || n < 0 || n > 1<<40 {
		return out
	}
	out.Time = time.Unix(n, 0).UTC()
	if offset, err := time.Parse("-0700", zone); err == nil {
		out.Time = out.Time.In(offset.Location())
	}
	return out
}

// Directory lists the entries of one tree, not of those below it. It returns CodeNotFound
// when there is no such tree.
func (r *Repos) Directory(ctx context.Context, project, id string) ([]platform.TreeEntry, error) {
	text, err := r.object(ctx, project, "tree", id, maxOutput)
	if err != nil {
		return nil, err
	}
	var entries []platform.TreeEntry
	size := len(id) / 2 // of the identifiers of the entries, in bytes
	for text != "" {
		mode, rest, ok := strings.Cut(text, " ")
		name, rest, found := strings.Cut(rest, "\x00")
		value, err := strconv.ParseUint(mode, 8, 32)
		if !ok || !found || err != nil || len(rest) < size {
			return nil, fmt.Errorf("git cat-file: malformed tree %s", id)
		}
		e := platform.TreeEntry{Name: name, Mode: fmt.Sprintf("%06o", canonicalMode(uint32(value))), Type: "blob", ID: fmt.Sprintf("%x", rest[:size])}
		switch canonicalMode(uint32(value)) {
		case modeTree:
			e.Type = "tree"
		case modeGitlink:
			e.Type = "commit"
		}
		entries = append(entries, e)
		text = rest[size:]
	}
	return entries, nil
}

// Blob returns the content of a file. It returns CodeNotFound when there is none, and
// CodeInvalid for one that is larger than MaxShownBlob.
func (r *Repos) Blob(ctx context.Context, project, id string) ([]byte, error) {
	text, err := r.object(ctx, project, "blob", id, MaxShownBlob)
	return []byte(text), err
}

// object reads an object of a type. It returns CodeNotFound when the project has none with this
// identifier, and CodeInvalid for one that is larger than most bytes.
func (r *Repos) object(ctx context.Context, project, kind, id string, most int64) (string, error) {
	dir, err := r.Path(project)
	if err != nil {
		return "", err
	}
	missing := platform.Errorf(platform.CodeNotFound, "project %q has no %s %.64q", project, kind, id)
	if checkObject(id) != nil {
		return "", missing
	}
	b, err := r.openBlobs(ctx, dir, nil)
	if err != nil {
		return "", err
	}
	content, found, err := b.readObject(id, kind, most)
	if err != nil || !found {
		b.cmd.Kill() // what it still writes is not read
	}
	if err := errors.Join(err, b.close()); err != nil {
		return "", err
	}
	if !found {
		return "", missing
	}
	return content, nil
}

// readObject reads an object of any size up to most; found is false when there is none of
// this type.
func (b *blobs) readObject(id, kind string, most int64) (content string, found bool, err error) {
	head, err := b.ask(id)
	if err != nil {
		return "", false, fmt.Errorf("git cat-file: %w", err)
	}
	fields := strings.Fields(head)
	if len(fields) != 3 || fields[1] != kind {
		return "", false, nil
	}
	size, err := strconv.ParseInt(fields[2], 10, 64)
	if err != nil {
		return "", false, fmt.Errorf("git cat-file: malformed line %q", head)
	}
	if size > most {
		return "", false, platform.Errorf(platform.CodeInvalid, "the %s %s has %d bytes; at most %d are shown", kind, id, size, most).
			WithHint("clone the repository to read it")
	}
	text := make([]byte, size)
	if _, err := io.ReadFull(b.out, text); err != nil {
		return "", false, fmt.Errorf("git cat-file: %w", err)
	}
	return string(text), true, nil
}
