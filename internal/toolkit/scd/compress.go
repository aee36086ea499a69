package scd

import (
	"context"
	"fmt"
	"time"

	"sluice/internal/toolkit/kit"
	"sluice/internal/toolkit/static"
	"sluice/internal/toolkit/tree"
)

// Compress gives static files a .gz beside them, as the variables of a stage say, and
// logs what it did.
func Compress(ctx context.Context, k *kit.Kit, stage kit.Stage) error {
	level, err := stage.Int("SCD_COMPRESSION_LEVEL")
	if err != nil {
		return err
	}
	if level == 0 {
		k.Log.Info("Static content compression was disabled.")
		return nil
	}
	seconds, err := stage.Int("SCD_COMPRESSION_TIMEOUT")
	if err != nil {
		return err
	}
	verbose, err := stage.Text("VERBOSE_COMMANDS")
	if err != nil {
		return err
	}
	if seconds > 0 {
		limit := time.Duration(seconds) * time.Second
		expired := fmt.Errorf("static content was not compressed within the %d seconds of SCD_COMPRESSION_TIMEOUT; what is compressed stays", seconds)
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeoutCause(ctx, limit, expired)
		defer cancel()
	}
	start := k.Now()
	done, err := static.Compression{Level: level}.Compress(ctx, k.Tree.Path(tree.Static))
	k.Log.Debugf("Compressed %d static files from %d to %d bytes; %d were compressed before.", done.Files, done.In, done.Out, done.Current)
	if err == nil && verbose != "" {
		k.Log.Infof("Static content compression took %.3f seconds.", k.Now().Sub(start).Seconds())
	}
	return err
}
