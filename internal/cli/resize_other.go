//go:build !unix

package cli

import (
	"context"

	"sluice/apiv1"
)

// resizes never sends: this system has no signal for it.
func resizes(context.Context, int) <-chan apiv1.Size { return nil }
