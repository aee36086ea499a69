package docker

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"

	"sluice/internal/platform"
)

// marker says which service the files in a directory are of. It lies among them and so goes
// wherever they are copied to. The service may write to it: it is evidence against mistakes only.
type marker struct {
	Environment platform.EnvironmentID `json:"environment"` // that used it last
	Service     string                 `json:"service"`
	Version     string                 `json:"version"` // "mysql:10.11"
}

const maxMarker = 4 << 10 // bytes

// readable refuses a specification with a service that cannot read its data, before anything
// is stopped for it. Data without a marker is taken for readable.
func (d *dataDir) readable(env platform.EnvironmentID, services []wanted, reads func(service, data string) bool) error {
	if reads == nil {
		return nil
	}
	for _, w := range services {
		for _, m := range w.Mounts {
			dir := path.Join(servicesDir, string(env), m.Volume)
			have, ok := d.marker(dir)
			if ok && w.version != "" && !reads(w.version, have.Version) {
				return platform.Errorf(platform.CodeConflict,
					"the data of service '%s' was last used by %s, in environment %s, and %s cannot read it; nothing was started",
					w.Name, have.Version, have.Environment, w.version).
					WithHint("declare %s: type: %s, or restore a backup from before: sluice backup:list", w.Name, have.Version)
			}
		}
	}
	return nil
}

// marker reads the one in a service's directory; ok is false when there is none that is one.
func (d *dataDir) marker(dir string) (m marker, ok bool) {
	root, err := d.root.OpenRoot(dir)
	if err != nil {
		return m, false
	}
	defer root.Close() //nolint:errcheck // a directory opened for reading
	if info, err := root.Lstat(platform.DataMarker); err != nil || !info.Mode().IsRegular() {
		return m, false
	}
	f, err := root.Open(platform.DataMarker)
	if err != nil {
		return m, false
	}
	defer f.Close() //nolint:errcheck // opened for reading
	err = json.NewDecoder(io.LimitReader(f, maxMarker)).Decode(&m)
	return m, err == nil && m.Version != ""
}

// markAll writes the markers of a service whose container is being made: from then on its data
// may be converted, and not before, as the service of before may run until then.
func (d *dataDir) markAll(env platform.EnvironmentID, w wanted) error {
	for _, m := range w.Mounts {
		if err := d.mark(env, w, path.Join(servicesDir, string(env), m.Volume)); err != nil {
			return fmt.Errorf("marker of the data of %s: %w", w.Name, err)
		}
	}
	return nil
}

// mark writes one marker, whole or not at all.
func (d *dataDir) mark(env platform.EnvironmentID, w wanted, dir string) error {
	want := marker{Environment: env, Service: w.Name, Version: w.version}
	if have, ok := d.marker(dir); want.Version == "" || ok && have == want {
		return nil
	}
	text, err := json.Marshal(want)
	if err != nil {
		return err
	}
	root, err := d.root.OpenRoot(dir)
	if err != nil {
		return err
	}
	defer root.Close() //nolint:errcheck // a directory
	const temporary = platform.DataMarker + ".new"
	if err := root.Remove(temporary); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	f, err := root.OpenFile(temporary, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return err
	}
	_, err = f.Write(append(text, '\n'))
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		return fmt.Errorf("marker of the data: %w", err)
	}
	return root.Rename(temporary, platform.DataMarker)
}
