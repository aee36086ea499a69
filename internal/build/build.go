// Package build is the port through which the pipeline turns a tree into a slug: the
// Builder interface, what it is asked, and the key by which equal builds are recognised.
//
// It may import the nouns and the manifest; it does no I/O. Implementations are
// subpackages (build/buildkit), and build/buildtest holds the fake and the one
// conformance suite that all of them pass.
package build

import (
	"context"
	"fmt"
	"io"
	"time"

	"sluice/internal/platform"
)

// Builder makes slugs. Implementations are safe for concurrent use; builds of
// different applications may run side by side.
type Builder interface {
	// Lookup finds the slug that was built with this key. ok is false when there is
	// none, or when its image is gone from the store. TreeID, Size and BuiltAt may be
	// unset: the builder need not remember them.
	Lookup(ctx context.Context, project, app string, key Key) (slug platform.Slug, ok bool, err error)

	// Build runs the request's steps and returns the slug. Lines go to log as they come:
	// the title of a step when it begins; its output indented by two spaces, standard error
	// prefixed with "W: " after them. A step reads nothing from standard input, may write
	// only below contract.AppDir, contract.CacheDir and /tmp, and the first one that fails
	// ends the build.
	//
	// A fault of the user's application is a *Failure; any other error is the platform's
	// and may be retried. When ctx ends, the build stops and its cause is returned. A
	// failed build leaves no slug behind.
	Build(ctx context.Context, req Request, log io.Writer) (platform.Slug, error)

	// Remove deletes a slug's image. Removing one that is gone is not an error.
	Remove(ctx context.Context, slug platform.Slug) error

	// Ping says why the builder cannot be reached, and nil when it can.
	Ping(ctx context.Context) error
}

// Request is everything that a build depends on.
type Request struct {
	Project string
	App     string
	Key     Key
	TreeID  string // for MAGENTO_CLOUD_TREE_ID and the slug's record

	// Scope is the type of the environment that the slug is built for: its builds share a
	// cache. Those of other scopes than ScopeProtected begin with a copy of that one's, and
	// never write to it.
	Scope string

	// Base is the runtime image in the engine's store.
	Base Image
	// Tools is the image that the steps run in; the zero value is Base. It has what Base has,
	// and nothing of it gets into the slug.
	Tools Image
	// SourceDir is a directory on this machine that holds the application's tree.
	SourceDir string
	// Exclude lists paths below the application's root that the slug must not contain:
	// the platform's configuration files. Slash-separated, no leading slash.
	Exclude []string
	// Mounts lists paths below the application's root over which a volume is mounted when
	// the slug runs. In the slug each is an empty directory, because a mount point cannot be
	// made in a read-only file system. Written as Exclude; Exclude is applied first.
	Mounts []string

	Steps []Step // run in order in contract.AppDir, as the web user
	// Env is set for every step. It never ends up in an image.
	Env map[string]string
	// Files are present, read-only, at their path while the steps run.
	Files []File
	// Programs are executables of the platform, read-only at their path while the steps run.
	// They are not in the key: another version of one does not make old slugs invalid.
	Programs []Program
	// Network says whether the steps may reach the outside. No service of any
	// environment is reachable in either case.
	Network bool
	// Fresh forces the steps to run although nothing changed.
	Fresh   bool
	Timeout time.Duration // of the whole build; 0 means DefaultTimeout
}

// ScopeProtected is the scope of what visitors of the live site are served. What branches
// that others may push leave in a cache or in a slug never gets there.
const ScopeProtected = "production"

// DefaultTimeout is how long a build may take.
const DefaultTimeout = time.Hour

// Image is a runtime image.
type Image struct {
	Ref    string
	Digest string
}

// Step is one script of a build.
type Step struct {
	Name   string // "dependencies", "flavor", "hook"
	Title  string // what the log says when it starts: "Executing build hook..."
	Script string // run by dash
}

// File is a generated configuration file.
type File struct {
	Path    string
	Mode    uint32
	Content string
}

// Program is an executable that the platform brings along.
type Program struct {
	Source string // absolute path of a file on this machine
	Target string // absolute path in the build
}

// Failure is a build that failed through the user's application, not the platform.
type Failure struct { //nolint:errname // "the build failed" is what users call it
	Step     string
	ExitCode int
	// Reason is set when a limit ended the build: which, and how long it ran.
	Reason string
	// Tail holds the last lines of output, oldest first, at most 20.
	Tail []string
}

// Error says which step failed and how.
func (f *Failure) Error() string {
	if f.Reason != "" {
		return fmt.Sprintf("the build %s was stopped: %s", f.Step, f.Reason)
	}
	return fmt.Sprintf("the build %s failed with status code %d", f.Step, f.ExitCode)
}
