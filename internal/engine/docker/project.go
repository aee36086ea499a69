package docker

import (
	"errors"
	"io/fs"
	"path"
	"slices"
	"strings"

	"sluice/internal/platform"
)

// Identifiers of environments are not unique by themselves: two projects could have
// branches whose identifiers are the same. Everything that is made carries its project,
// containers and networks as a label and data in a file, so that one project's
// environment never takes over or removes another one's.

// projectFile names the project in the directory of an environment's volumes. No volume
// has a name that begins with a dot.
const projectFile = ".project"

// projectOf returns the project whose data an environment's directory has; empty for none
// and for data of an earlier version.
func (d *dataDir) projectOf(env platform.EnvironmentID) (string, error) {
	text, err := d.root.ReadFile(path.Join(volumesDir, string(env), projectFile))
	if errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	return strings.TrimSpace(string(text)), err
}

// keepProject writes down whose data an environment's directory will have.
func (d *dataDir) keepProject(env platform.EnvironmentID, project string) error {
	dir := path.Join(volumesDir, string(env))
	if err := d.root.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	return d.root.WriteFile(path.Join(dir, projectFile), []byte(project+"\n"), 0o600)
}

// owned checks that all that exists of an environment is the project's. What does not say
// whose it is, because an earlier version made it, counts as the project's. With keep, the
// project is written down where it is not yet.
func (d *dataDir) owned(env platform.EnvironmentID, project string, have observed, keep bool) error {
	if project == "" {
		return nil
	}
	onDisk, err := d.projectOf(env)
	if err != nil {
		return err
	}
	others := slices.DeleteFunc(append(slices.Clone(have.projects), onDisk), func(p string) bool { return p == "" || p == project })
	if len(others) > 0 {
		return platform.Errorf(platform.CodeConflict,
			"environment %s exists in project %q; nothing of it was changed for project %q", env, others[0], project).
			WithHint("rename the branch: both projects' environments have the same identifier")
	}
	if keep && onDisk == "" {
		return d.keepProject(env, project)
	}
	return nil
}
