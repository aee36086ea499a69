package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"sluice/internal/catalog"
	"sluice/internal/engine"
	"sluice/internal/images"
	"sluice/internal/platform"
	"sluice/internal/snapshot/pool"
	"sluice/internal/store"
)

// imagesCommand makes the named images of the catalog available.
func imagesCommand(ctx context.Context, args []string, env map[string]string, stdout, stderr io.Writer) error {
	var c config
	var list, refresh bool
	fs := newFlags("images", &c, stderr)
	fs.BoolVar(&list, "list", false, "list the names of all images, and the age of those that this machine has")
	fs.BoolVar(&refresh, "refresh", false, "make the named images again with today's security fixes; without names, all that this machine has")
	if err := c.parse(fs, args, env); err != nil {
		return err
	}
	known, err := loadCatalog(c.Catalog)
	if err != nil {
		return err
	}
	e, err := openMachine(ctx, c)
	if err != nil && list {
		return listImages(ctx, nil, known, stdout) // without an engine no image is here
	}
	if err != nil {
		return err
	}
	a := assembler(c, e.images, known)
	if list {
		return errors.Join(listImages(ctx, a, known, stdout), e.close())
	}
	return errors.Join(makeImages(ctx, a, known, fs.Args(), refresh, stderr), e.close())
}

// makeImages makes the named images available, or makes them again.
func makeImages(ctx context.Context, a *images.Assembler, known *catalog.Catalog, names []string, refresh bool, log io.Writer) error {
	var wanted []catalog.Image
	for _, name := range names {
		img, err := findImage(known, name)
		if err != nil {
			return err
		}
		wanted = append(wanted, img)
	}
	if refresh && len(names) == 0 {
		var err error
		if wanted, err = presentImages(ctx, a, known); err != nil {
			return err
		}
	}
	group, ctx := errgroup.WithContext(ctx)
	for _, img := range wanted {
		group.Go(func() (err error) {
			if refresh {
				_, err = a.Refresh(ctx, img, log)
			} else {
				_, err = a.Ensure(ctx, img, log)
			}
			return err
		})
	}
	return group.Wait()
}

// presentImages returns the images of the catalog that this machine has.
func presentImages(ctx context.Context, a *images.Assembler, known *catalog.Catalog) ([]catalog.Image, error) {
	var present []catalog.Image
	for _, img := range known.Images() {
		_, ok, err := a.Newest(ctx, img)
		if err != nil {
			return nil, err
		}
		if ok {
			present = append(present, img)
		}
	}
	return present, nil
}

func listImages(ctx context.Context, a *images.Assembler, known *catalog.Catalog, w io.Writer) error {
	for _, img := range known.Images() {
		from := img.Reference
		if img.Debian != nil {
			from = "Debian " + img.Debian.Suite
		}
		if _, err := fmt.Fprintf(w, "%-20s %-50s %s\n", img.Name, from, imageAge(ctx, a, img)); err != nil {
			return err
		}
	}
	return nil
}

// imageAge says when an image was made and which one it is, if it is here.
func imageAge(ctx context.Context, a *images.Assembler, img catalog.Image) string {
	if a == nil {
		return ""
	}
	have, ok, err := a.Newest(ctx, img)
	switch {
	case err != nil || !ok:
		return "-"
	case have.Created.IsZero():
		return have.Digest
	default:
		return fmt.Sprintf("%s, %d days old, %.19s", have.Created.UTC().Format(time.DateOnly), int(time.Since(have.Created).Hours()/24), have.Digest)
	}
}

func findImage(known *catalog.Catalog, name string) (catalog.Image, error) {
	all := known.Images()
	i := slices.IndexFunc(all, func(img catalog.Image) bool { return img.Name == name })
	if i < 0 {
		return catalog.Image{}, platform.Errorf(platform.CodeNotFound, "the catalog has no image %q", name).
			WithHint("sluiced images --list")
	}
	return all[i], nil
}

// down removes the containers and networks of this data directory; with --data also the
// volumes and the slugs.
func down(ctx context.Context, args []string, env map[string]string, stderr io.Writer) error {
	var c config
	var data bool
	fs := newFlags("down", &c, stderr)
	fs.BoolVar(&data, "data", false, "delete the volumes too: the data of every environment")
	if err := c.parse(fs, args, env); err != nil {
		return err
	}
	if err := pool.Of(c.DataDir).Mount(ctx); err != nil {
		return err // what lies in it would be left behind
	}
	e, err := openMachine(ctx, c)
	if err != nil {
		return err
	}
	envs, err := e.Environments(ctx)
	problems := []error{err}
	for _, id := range envs {
		_, _ = fmt.Fprintf(stderr, "removing %s\n", id) // progress only
		problems = append(problems, e.Destroy(ctx, id, "", data, io.Discard))
	}
	if g, ok := e.Engine.(engine.Guarded); ok {
		g.Unguard(ctx)
	}
	if data {
		problems = append(problems, removeSlugs(ctx, c, e.images))
	}
	return errors.Join(append(problems, e.close())...)
}

// removeSlugs deletes the slugs that the records name; without records there are none.
func removeSlugs(ctx context.Context, c config, images imageStore) error {
	if _, err := os.Stat(c.path("sluice.db")); err != nil {
		return nil //nolint:nilerr // nothing was ever deployed
	}
	s, err := openStore(ctx, c)
	if err != nil {
		return err
	}
	envs, err := s.Environments(ctx, "")
	problems := []error{err}
	for _, env := range envs {
		releases, err := s.Releases(ctx, env.Project, env.Name)
		problems = append(problems, err)
		for _, r := range releases {
			for _, slug := range r.Slugs {
				problems = append(problems, images.Remove(ctx, slug.Ref))
			}
		}
	}
	return errors.Join(append(problems, s.Close())...)
}

func openStore(ctx context.Context, c config) (*store.Store, error) {
	sealer, err := store.LoadSealer(c.path("keys", "seal.key"))
	if err != nil {
		return nil, err
	}
	return store.Open(ctx, c.path("sluice.db"), sealer)
}
