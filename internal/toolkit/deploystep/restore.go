package deploystep

import (
	"context"
	"errors"
	"fmt"
	"path"

	"sluice/internal/toolkit/kit"
	"sluice/internal/toolkit/tree"
)

// A strategy brings a directory of the build into its mount.
type strategy string

const (
	copyAll     strategy = "copy"
	copySub     strategy = "copy_sub_folders"
	linkAll     strategy = "symlink"
	linkEntries strategy = "sub_symlink"
)

// recoverable is a directory that the build saved in init.
type recoverable struct {
	dir string
	how strategy
}

// restoreDirs brings back what the build saved. What cannot be restored is a warning: the
// mount may have it from before.
func restoreDirs(_ context.Context, k *kit.Kit) error {
	dirs, err := recoverables(k)
	if err != nil {
		return err
	}
	for _, r := range dirs {
		if err := r.restore(k); err != nil {
			k.Log.Warn(codeRestore, err.Error())
			continue
		}
		k.Log.Debugf("Directory %s was copied with strategy: %s", r.dir, r.how)
	}
	k.Log.Notice("Recoverable directories were copied back.")
	k.Tree.DeleteFlag(tree.FlagRegenerate, k.Log)
	return nil
}

func recoverables(k *kit.Kit) ([]recoverable, error) {
	dirs := []recoverable{{tree.Etc, copyAll}, {tree.Media, copyAll}}
	skipHTML, err := k.Stages.Global.Bool("SKIP_HTML_MINIFICATION")
	if err != nil {
		return nil, err
	}
	clean, err := k.Stages.Deploy.Bool("CLEAN_STATIC_FILES")
	if err != nil {
		return nil, err
	}
	if k.Tree.HasFlag(tree.FlagSCDInBuild) {
		if !skipHTML {
			how := copySub
			if clean {
				how = copyAll
			}
			dirs = append(dirs, recoverable{tree.ViewPreprocessed, how})
		}
		dirs = append(dirs, recoverable{tree.Static, linkEntries})
	}
	version, err := k.MagentoVersion()
	if err != nil || !version.Satisfies("2.1.*") {
		return dirs, err
	}
	link, err := k.Stages.Deploy.Bool("GENERATED_CODE_SYMLINK")
	how := copyAll
	if link {
		how = linkAll
	}
	return append(dirs, recoverable{"var/di", how}, recoverable{"var/generation", how}), err
}

// restore brings one directory back. One that the build saved empty needs nothing.
func (r recoverable) restore(k *kit.Kit) error {
	from := path.Join(tree.Init, r.dir)
	if !k.Tree.IsDir(from) {
		named := from
		if r.how == linkEntries || r.how == linkAll {
			named = k.Tree.Path(from)
		}
		if r.how == linkEntries && !k.Platform.HasMount(r.dir) {
			return nil // content of the build is where it belongs
		}
		return fmt.Errorf("Cannot copy directory %s. Directory does not exist.", named)
	}
	entries, err := k.Tree.Entries(from)
	if err != nil {
		return err
	}
	if len(entries) == 0 {
		if r.how == linkEntries {
			k.Log.Infof("Directory %q is empty. Nothing to restore", from)
		} else {
			k.Log.Infof("%s is empty. Nothing to restore", from)
		}
		return nil
	}
	switch r.how {
	case copyAll:
		return replaceBy(k, from, r.dir, k.Tree.CopyContents)
	case copySub: // file by file, over those of the same name
		return k.Tree.CopyContents(from, r.dir)
	case linkAll:
		return replaceBy(k, from, r.dir, func(from, to string) error {
			return errors.Join(k.Tree.RemoveAll(to), k.Tree.Link(from, to))
		})
	case linkEntries:
		return linkEach(k, from, r.dir)
	}
	return fmt.Errorf("Strategy %q does not exist", string(r.how))
}

// replaceBy removes a link that is in the way and fills the directory.
func replaceBy(k *kit.Kit, from, to string, fill func(from, to string) error) error {
	if k.Tree.IsLink(to) {
		if err := k.Tree.Remove(to); err != nil {
			return err
		}
	}
	return fill(from, to)
}

// linkEach makes a link for every entry. A link from an earlier deployment is replaced;
// anything else in the way is an error, after the other entries.
func linkEach(k *kit.Kit, from, to string) error {
	entries, err := k.Tree.Entries(from)
	if err != nil {
		return err
	}
	if err := k.Tree.Mkdir(to); err != nil {
		return err
	}
	var errs []error
	for _, e := range entries {
		target, link := path.Join(from, e.Name()), path.Join(to, e.Name())
		if k.Tree.IsLink(link) {
			if err := k.Tree.Remove(link); err != nil {
				errs = append(errs, err)
				continue
			}
		}
		errs = append(errs, k.Tree.Link(target, link))
	}
	return errors.Join(errs...)
}
