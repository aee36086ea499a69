package static

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"runtime"
	"strings"
	"sync/atomic"

	"github.com/klauspost/compress/gzip"
	"golang.org/x/sync/errgroup"
)

// Compression is how static files get a .gz beside them (spec: ece-tools 9.7).
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
	names := make(chan string, 256)
	group.Go(func() error {
		defer close(names)
		return run.find(ctx, names)
	})
	for range workers {
		group.Go(func() error { return run.work(ctx, names) })
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

// find sends the names of all files that may be worth it.
func (c *compression) find(ctx context.Context, names chan<- string) error {
	return fs.WalkDir(c.root.FS(), ".", func(name string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && strings.HasPrefix(entry.Name(), deletingMark):
			return fs.SkipDir
		case !entry.Type().IsRegular() || !compressible(name):
			return nil
		}
		select {
		case names <- name:
			return nil
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	})
}

func compressible(name string) bool {
	switch path.Ext(name) {
	case ".js", ".css", ".svg", ".html", ".htm":
		return true
	}
	return false
}

func (c *compression) work(ctx context.Context, names <-chan string) error {
	writer, err := gzip.NewWriterLevel(io.Discard, c.level)
	if err != nil {
		return err
	}
	buffer := make([]byte, 64<<10)
	for name := range names {
		if err := context.Cause(ctx); err != nil {
			return err
		}
		if err := c.file(name, writer, buffer); err != nil {
			return fmt.Errorf("compress %s: %w", name, err)
		}
	}
	return nil
}

// file compresses one file. One that disappeared meanwhile is no error: a shop that runs
// may clean its own files.
func (c *compression) file(name string, writer *gzip.Writer, buffer []byte) error {
	source, err := c.root.Open(name)
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
	if old, err := c.root.Lstat(name + gzSuffix); err == nil && old.Mode().IsRegular() && old.Size() > 0 && old.ModTime().Equal(info.ModTime()) {
		c.current.Add(1)
		return nil
	}
	size, err := c.write(name, source, info, writer, buffer)
	if err != nil {
		return errors.Join(err, ignoreMissing(c.root.Remove(name+gzPart)))
	}
	c.files.Add(1)
	c.in.Add(info.Size())
	c.out.Add(size)
	return nil
}

func (c *compression) write(name string, source io.Reader, info fs.FileInfo, writer *gzip.Writer, buffer []byte) (size int64, err error) {
	part := name + gzPart
	target, err := c.root.OpenFile(part, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, info.Mode().Perm())
	if err != nil {
		return 0, err
	}
	writer.Reset(target)
	writer.ModTime = info.ModTime()
	_, err = io.CopyBuffer(writer, source, buffer)
	if err == nil {
		err = writer.Close()
	}
	if err == nil {
		size, err = target.Seek(0, io.SeekCurrent)
	}
	if err = errors.Join(err, target.Close()); err != nil {
		return 0, err
	}
	if err := c.root.Chtimes(part, info.ModTime(), info.ModTime()); err != nil {
		return 0, err
	}
	return size, c.root.Rename(part, name+gzSuffix)
}

func ignoreMissing(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}
