package gitserve

import (
	"context"
	"io"

	"sluice/internal/platform"
)

// Authorizer decides who may read and write a project's code.
type Authorizer interface {
	// Authorize returns the owner of the token. It returns CodeUnauthorized for a token
	// that is worth nothing, CodeNotFound when its owner may not know of the project, and
	// CodeForbidden when he may read but not write.
	Authorize(ctx context.Context, project, token string, write bool) (platform.Actor, error)
}

// Repositories finds repositories on disk.
type Repositories interface {
	// Path returns the directory of the bare repository, or CodeNotFound.
	Path(project string) (string, error)
}

// Receiver is told of pushes. It must be safe for concurrent use.
type Receiver interface {
	// PreReceive checks a push before any ref moves. An error refuses the whole push: its
	// message and hint are shown to the pusher. Lines written to out are shown at once.
	// ctx does not end when the client leaves.
	PreReceive(ctx context.Context, push platform.Push, out io.Writer) error

	// PostReceive is called exactly once for each push that moved a ref, with the updates
	// that happened. It may show its progress on out for as long as it likes. ctx ends
	// when the client leaves or the server stops, and may have ended before the call: what
	// a push must cause has to be done regardless, and only what is shown depends on ctx.
	PostReceive(ctx context.Context, push platform.Push, out io.Writer) error
}
