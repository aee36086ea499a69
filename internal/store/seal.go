package store

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"filippo.io/age"

	"sluice/internal/platform"
)

// Sealer encrypts what must not lie in the database in the clear. It is safe for
// concurrent use.
type Sealer struct {
	identity *age.X25519Identity
}

// LoadSealer reads the age identity in the file at path, usually keys/seal.key below the
// data directory. When there is none it creates it with mode 0600, and its directory
// with 0700. Without this file, a backup of the database cannot be read.
func LoadSealer(path string) (*Sealer, error) {
	text, err := os.ReadFile(path) //nolint:gosec // the operator chose it
	if errors.Is(err, fs.ErrNotExist) {
		if err := createKey(path); err != nil {
			return nil, fmt.Errorf("create seal key: %w", err)
		}
		text, err = os.ReadFile(path) //nolint:gosec // the operator chose it
	}
	if err != nil {
		return nil, fmt.Errorf("read seal key: %w", err)
	}
	identity, err := age.ParseX25519Identity(strings.TrimSpace(string(text)))
	if err != nil {
		return nil, fmt.Errorf("read seal key %s: %w", path, err)
	}
	return &Sealer{identity: identity}, nil
}

// createKey writes a new key to a temporary file and links it into place: after a crash
// there is a whole key or none, and two processes agree on one.
func createKey(path string) error {
	identity, err := age.GenerateX25519Identity()
	if err != nil {
		return err
	}
	dir := filepath.Dir(path)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	f, err := os.CreateTemp(dir, ".seal-*") // mode 0600
	if err != nil {
		return err
	}
	defer func() { _ = os.Remove(f.Name()) }() // the link stays
	_, err = f.WriteString(identity.String() + "\n")
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	if err := os.Link(f.Name(), path); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	return nil
}

// Seal encrypts plain. Sealing the same text twice gives different results.
func (s *Sealer) Seal(plain []byte) ([]byte, error) {
	var sealed bytes.Buffer
	w, err := age.Encrypt(&sealed, s.identity.Recipient())
	if err != nil {
		return nil, fmt.Errorf("seal: %w", err)
	}
	if _, err := w.Write(plain); err != nil {
		return nil, fmt.Errorf("seal: %w", err)
	}
	if err := w.Close(); err != nil {
		return nil, fmt.Errorf("seal: %w", err)
	}
	return sealed.Bytes(), nil
}

// Unseal decrypts what Seal returned. It fails when the text was changed or sealed with
// another key.
func (s *Sealer) Unseal(sealed []byte) ([]byte, error) {
	r, err := age.Decrypt(bytes.NewReader(sealed), s.identity)
	if err != nil {
		return nil, fmt.Errorf("unseal: %w", err)
	}
	plain, err := io.ReadAll(r)
	if err != nil {
		return nil, fmt.Errorf("unseal: %w", err)
	}
	return plain, nil
}

const sealCheck = "sluice"

// checkSeal makes a wrong key show at the start rather than at the next deployment: a
// new database records a sealed word, an old one must be able to read it.
func (t *tx) checkSeal(ctx context.Context, s *Sealer) error {
	var word []byte
	err := t.QueryRowContext(ctx, `SELECT sealed FROM seal_check`).Scan(sealedColumn{sealer: s, to: &word})
	switch {
	case errors.Is(err, sql.ErrNoRows):
		_, err := t.ExecContext(ctx, `INSERT INTO seal_check (id, sealed) VALUES (1, ?)`,
			sealedColumn{sealer: s, plain: []byte(sealCheck)})
		return err
	case err != nil:
		return (&platform.Error{Code: platform.CodeInvalid, Message: "the seal key does not fit the database; nothing was changed", Err: err}).
			WithHint("restore keys/seal.key from the backup that the database belongs to")
	}
	return nil
}
