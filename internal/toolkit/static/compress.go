package static

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"runtime"
	"slices"
	"strings"
	"sync/atomic"

	"github.com/klauspost/compress/gzip"
	"golang.org/x/sync/errgroup"
)

// Compression is how static files get a .gz beside them.
type Compression struct {
	Level   int // 1 to 9
	Workers int // 0: as many as there are processors
}

// DefaultLevel takes the place of a level that gzip does not have.
const DefaultLevel = 4

// Compressed is what a compression did.
type Compressed struct {
	Files   int64 // compressed now
	Current int64 // had a .gz of this version of the file
	In, Out int64 // bytes of Files, before and after
}

const (
	minCompressed = 300 // bytes; a smaller file gains nothing
	deletingMark  = "DELETING_"
	gzSuffix      = ".gz"
	gzPart        = ".gz.part"
)

// Compress writes FILE.gz for every text file below dir that has more than 300 bytes.
// The .gz carries the time of its file, by which a second run knows that it is current;
// it appears by a rename, so that no half file is ever served. Content that waits for
// its deletion is passed over. It ends with the cause of ctx when that ends first; what
// is compressed then stays.
func (c Compression) Compress(ctx context.Context, dir string) (Compressed, error) {
	root, err := os.OpenRoot(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return Compressed{}, nil
	}
	if err != nil {
		return Compressed{}, err
	}
	defer func() { _ = root.Close() }() // opened to read: nothing is lost
	run := &compression{root: root, level: c.Level}
	if run.level < 1 || run.level > gzip.BestCompression {
		run.level = DefaultLevel
	}
	workers := c.Workers
	if workers <= 0 {
		workers = runtime.GOMAXPROCS(0)
	}
	group, ctx := errgroup.WithContext(ctx)
	batches := make(chan batch, 16)
	group.Go(func() error {
		defer close(batches)
		return run.find(ctx, ".", batches)
	})
	for range workers {
		group.Go(func() error { return run.work(ctx, batches) })
	}
	err = group.Wait()
	return Compressed{Files: run.files.Load(), Current: run.current.Load(), In: run.in.Load(), Out: run.out.Load()}, err
}

// compression is one run over one directory.
type compression struct {
	root                    *os.Root
	level                   int
	files, current, in, out atomic.Int64
}

// batch are files of one directory: opening the directory once spares a walk from the top
// for each of their system calls.
type batch struct {
	dir    string
	names  []string
	packed map[string]bool // names in the directory that end with .gz
}

// batchSize keeps all workers busy when everything is in one directory.
const batchSize = 64

// find sends all files below a directory that may be worth it.
func (c *compression) find(ctx context.Context, dir string, batches chan<- batch) error {
	entries, err := fs.ReadDir(c.root.FS(), dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	b := batch{dir: dir, packed: map[string]bool{}}
	for _, e := range entries {
		switch name := e.Name(); {
		case e.IsDir() && !strings.HasPrefix(name, deletingMark):
			if err := c.find(ctx, path.Join(dir, name), batches); err != nil {
				return err
			}
		case strings.HasSuffix(name, gzSuffix):
			b.packed[name] = true
		case e.Type().IsRegular() && compressible(name):
			b.names = append(b.names, name)
		}
	}
	for names := range slices.Chunk(b.names, batchSize) {
		select {
		case batches <- batch{dir, names, b.packed}:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	return nil
}

func compressible(name string) bool {
	switch path.Ext(name) {
	case ".js", ".css", ".svg", ".html", ".htm":
		return true
	}
	return false
}

func (c *compression) work(ctx context.Context, batches <-chan batch) error {
	p, err := newPress(c.level)
	if err != nil {
		return err
	}
	for b := range batches {
		if err := c.batch(ctx, b, p); err != nil {
			return err
		}
	}
	return nil
}

func (c *compression) batch(ctx context.Context, b batch, p *press) error {
	dir, err := c.root.OpenRoot(b.dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer func() { _ = dir.Close() }() // opened to read: nothing is lost
	for _, name := range b.names {
		if err := context.Cause(ctx); err != nil {
			return err
		}
		if err := c.file(dir, name, b.packed[name+gzSuffix], p); err != nil {
			return fmt.Errorf("compress %s: %w", path.Join(b.dir, name), err)
		}
	}
	return nil
}

// file compresses one file. One that disappeared meanwhile is not an error: a shop that runs
// may clean its own files.
func (c *compression) file(dir *os.Root, name string, packed bool, p *press) error {
	source, err := dir.Open(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer func() { _ = source.Close() }() // opened to read: nothing is lost
	info, err := source.Stat()
	if err != nil || info.Size() <= minCompressed {
		return err
	}
	if old, err := statIf(packed, dir, name+gzSuffix); err == nil && old.Mode().IsRegular() && old.Size() > 0 && old.ModTime().Equal(info.ModTime()) {
		c.current.Add(1)
		return nil
	}
	size, err := p.write(dir, name, source, info)
	if err != nil {
		return errors.Join(err, ignoreMissing(dir.Remove(name+gzPart)))
	}
	c.files.Add(1)
	c.in.Add(info.Size())
	c.out.Add(size)
	return nil
}

// statIf asks about a file that was there when the directory was read.
func statIf(seen bool, dir *os.Root, name string) (fs.FileInfo, error) {
	if !seen {
		return nil, fs.ErrNotExist
	}
	return dir.Lstat(name)
}

func ignoreMissing(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}
