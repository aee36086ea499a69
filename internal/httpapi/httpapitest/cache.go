package httpapitest

import (
	"context"
	"strings"

	"sluice/internal/platform"
)

// Purge removes seven responses of everything, two below a prefix, three of each tag and one
// of a URL.
func (p *Platform) Purge(_ context.Context, _ platform.EnvironmentID, purge platform.Purge) (platform.PurgeReport, error) {
	switch {
	case len(purge.Tags) > 0:
		return platform.PurgeReport{Removed: 3 * len(purge.Tags)}, nil
	case purge.URL == "":
		return platform.PurgeReport{Removed: 7}, nil
	case !strings.Contains(purge.URL, "//"):
		return platform.PurgeReport{}, platform.Errorf(platform.CodeInvalid, "%q is not a URL that could be in the cache", purge.URL)
	case purge.Prefix:
		return platform.PurgeReport{Removed: 2}, nil
	}
	return platform.PurgeReport{Removed: 1}, nil
}
