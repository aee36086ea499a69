package gitserve

import (
	"context"
	"io"

	"sluice/internal/access"
	"sluice/internal/platform"
)

// Gate says who may read and write code.
type Gate interface {
	// Authenticate returns whom a token belongs to, or CodeUnauthorized.
	Authenticate(ctx context.Context, token string) (access.Subject, error)
	// Authorize returns CodeNotFound when the subject may not see the project, and
	// CodeForbidden when it lacks the permission.
	Authorize(ctx context.Context, by access.Subject, p access.Permission, project, env string) error
	// AuthorizePush checks every branch of a push.
	AuthorizePush(ctx context.Context, by access.Subject, push platform.Push) error
}

// Repositories finds repositories on disk.
type Repositories interface {
	// Path returns the directory of the bare repository, or CodeNotFound.
	Path(project string) (string, error)
}

// Receiver handles pushes. It must be safe for concurrent use.
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
