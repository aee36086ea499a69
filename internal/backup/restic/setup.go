package restic

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"sluice/internal/platform"
)

// ensure finds the repository, or makes it when it never was there and may be made.
func (r *Repository) ensure(ctx context.Context, mayMake bool) error {
	r.setUp.Lock()
	defer r.setUp.Unlock()
	if r.known {
		return nil
	}
	made, err := r.made()
	if err != nil {
		return err
	}
	if err := r.password(made); err != nil {
		return err
	}
	err = r.run(ctx, "", io.Discard, io.Discard, "cat", "config")
	if errors.Is(err, errNone) && !made && mayMake {
		err = r.run(ctx, "", io.Discard, io.Discard, "init")
	}
	if errors.Is(err, errNone) {
		return platform.Errorf(platform.CodeUnavailable, "the backup repository %s is not there; nothing was changed", r.Location).
			WithHint("mount it or bring its server back; for a new repository choose another place with --backup-repository")
	}
	if err != nil {
		return err
	}
	if !made {
		if err := os.WriteFile(r.marker(), []byte(r.Location+"\n"), 0o600); err != nil {
			return fmt.Errorf("note which repository is in use: %w", err)
		}
	}
	r.known = true
	return nil
}

// password makes the password, unless there is a repository that needs the one that is gone.
func (r *Repository) password(made bool) error {
	_, err := os.Stat(r.PasswordFile)
	if err == nil {
		return nil
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("password of the repository: %w", err)
	}
	if made {
		return platform.Errorf(platform.CodeUnavailable, "the password of the backup repository is gone: %s does not exist; nothing was changed", r.PasswordFile).
			WithHint("put back the copy that is kept elsewhere")
	}
	f, err := os.OpenFile(r.PasswordFile, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("make the password of the repository: %w", err)
	}
	_, err = f.WriteString(rand.Text() + "\n")
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return errors.Join(fmt.Errorf("make the password of the repository: %w", err), os.Remove(r.PasswordFile))
	}
	return nil
}
