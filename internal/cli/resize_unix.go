//go:build unix

package cli

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"sluice/apiv1"
)

// resizes sends the terminal's size whenever it changes, until ctx ends.
func resizes(ctx context.Context, fd int) <-chan apiv1.Size {
	changed := make(chan os.Signal, 1)
	signal.Notify(changed, syscall.SIGWINCH)
	sizes := make(chan apiv1.Size)
	go func() {
		defer signal.Stop(changed)
		for {
			select {
			case <-ctx.Done():
				return
			case <-changed:
			}
			size := terminalSize(fd)
			if size == nil {
				continue
			}
			select {
			case <-ctx.Done():
				return
			case sizes <- *size:
			}
		}
	}()
	return sizes
}
