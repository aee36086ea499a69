package edge

import (
	"context"

	"sluice/internal/platform"
)

// Offer makes a release known that has started and does not serve yet: requests that
// bypass the hold or maintenance go to it. It ends with the hold; publishing the same
// release keeps its connections. It does nothing, and that is not an error, for an environment that
// is open, and returns CodeInvalid for routes that lead nowhere.
func (r *Router) Offer(ctx context.Context, p platform.Publication) error {
	done, err := r.change(ctx)
	if err != nil {
		return err
	}
	defer done()
	if p.Environment == "" {
		return platform.Errorf(platform.CodeInvalid, "environment is required")
	}
	e := r.environment(p.Environment)
	rel, err := r.newRelease(e, p)
	if err == nil {
		err = rel.check()
	}
	if err != nil {
		return err
	}
	e.Offer(rel)
	return r.save()
}
