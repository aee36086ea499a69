package images

import (
	"archive/tar"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"sluice/internal/catalog"
)

// writeOverlay makes a tar of a definition's files and its script in dir and returns its path.
func writeOverlay(dir string, def *catalog.Debian) (string, error) {
	name := filepath.Join(dir, "overlay.tar")
	f, err := os.Create(name) //nolint:gosec // G304: dir is our own temporary directory
	if err != nil {
		return "", err
	}
	if err := overlay(f, def); err != nil {
		return "", fmt.Errorf("write overlay: %w", joinClose(err, f))
	}
	return name, f.Close()
}

// overlay writes the files, owned by root, with the directories that they need; the
// script comes last, at setupPath.
func overlay(w io.Writer, def *catalog.Debian) error {
	out := tar.NewWriter(w)
	files := slices.Concat(def.Files, []catalog.File{{Path: setupPath, Mode: 0o700, Content: def.Script}})
	made := map[string]bool{"/": true, "/etc": true, "/usr": true, "/usr/bin": true, "/usr/lib": true, "/var": true, "/var/lib": true}
	for _, file := range files {
		if err := directories(out, path.Dir(file.Path), made); err != nil {
			return err
		}
		header := &tar.Header{
			Typeflag: tar.TypeReg, Name: "." + file.Path, Mode: int64(file.Mode), Size: int64(len(file.Content)),
		}
		if err := out.WriteHeader(header); err != nil {
			return err
		}
		if _, err := io.Copy(out, strings.NewReader(file.Content)); err != nil {
			return err
		}
	}
	return out.Close()
}

func directories(out *tar.Writer, dir string, made map[string]bool) error {
	if made[dir] {
		return nil
	}
	if err := directories(out, path.Dir(dir), made); err != nil {
		return err
	}
	made[dir] = true
	return out.WriteHeader(&tar.Header{Typeflag: tar.TypeDir, Name: "." + dir + "/", Mode: 0o755})
}
