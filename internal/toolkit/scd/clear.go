package scd

import (
	"fmt"
	"os/exec"
	"path"
	"syscall"

	"sluice/internal/toolkit/kit"
	"sluice/internal/toolkit/tree"
)

// Clear empties a directory for its users at once and deletes what was in it in the
// background; entries named in keep stay. When the process that deletes is ended early,
// the next Clear of the directory deletes the rest.
func Clear(k *kit.Kit, name string, keep ...string) error {
	rest, err := k.Tree.SetAside(name, k.Now(), keep...)
	if err != nil || rest == "" {
		return err
	}
	if err := deleteLater(k.Tree.Path(rest)); err != nil {
		k.Log.Debugf("Deleting %s in the foreground: %v", rest, err)
		return k.Tree.RemoveAll(rest)
	}
	return nil
}

// deleteLater starts a process that outlives this one.
func deleteLater(name string) error {
	cmd := exec.Command("rm", "-rf", "--", name) //nolint:noctx,gosec // it is meant to go on when the scenario has ended; the name is a directory that was just made
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := cmd.Start(); err != nil {
		return err
	}
	return cmd.Process.Release()
}

// ClearAll empties pub/static, but for its .htaccess, and var/view_preprocessed, before
// content is made in the deploy phase.
func ClearAll(k *kit.Kit) error {
	for _, dir := range []string{tree.Static, tree.ViewPreprocessed} {
		k.Log.Info("Clearing " + dir)
		if !k.Tree.Exists(dir) {
			continue
		}
		var keep []string
		if dir == tree.Static {
			keep = []string{".htaccess"}
		}
		if err := Clear(k, dir, keep...); err != nil {
			return fmt.Errorf("clear %s: %w", path.Clean(dir), err)
		}
	}
	return nil
}
