package images

import (
	"context"
	"io"

	"sluice/internal/platform"
)

// Store is the image store of the engine. Implementations are safe for concurrent use.
type Store interface {
	// Lookup returns the content address of an image that is in the store. ok is false
	// when it is not there; that is not an error.
	Lookup(ctx context.Context, ref string) (digest string, ok bool, err error)
	// List returns the images of a repository, one for each tag: "sluice.invalid/php-8.2".
	List(ctx context.Context, repository string) ([]platform.StoredImage, error)
	// Import makes a single-layer image of an uncompressed tar of a root file system and
	// names it ref. Nothing is named ref when tar ends with an error or ctx ends.
	Import(ctx context.Context, ref string, config platform.ImageConfig, tar io.Reader) (digest string, err error)
	// Pull fetches an image from its registry. Progress goes to log, a line each.
	Pull(ctx context.Context, ref string, log io.Writer) (digest string, err error)
}
