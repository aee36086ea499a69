package static

import (
	"bufio"
	"errors"
	"io"
	"io/fs"
	"os"

	"github.com/klauspost/compress/gzip"
)

// press is what a worker compresses with. Most files are small, so that opening, writing and
// renaming them is most of the work: it makes one system call of each kind, and nothing
// that has to be collected.
type press struct {
	writer *gzip.Writer
	gather *bufio.Writer // of what writer writes
	buffer []byte        // for reading
}

func newPress(level int) (*press, error) {
	gather := bufio.NewWriterSize(io.Discard, 128<<10)
	writer, err := gzip.NewWriterLevel(gather, level)
	if err != nil {
		return nil, err
	}
	return &press{writer: writer, gather: gather, buffer: make([]byte, 64<<10)}, nil
}

// write makes the .gz of a file and returns its size.
func (p *press) write(dir *os.Root, name string, source io.Reader, info fs.FileInfo) (size int64, err error) {
	part := name + gzPart
	target, err := dir.OpenFile(part, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, info.Mode().Perm())
	if err != nil {
		return 0, err
	}
	size, err = p.compress(target, source, info)
	if err = errors.Join(err, target.Close()); err != nil {
		return 0, err
	}
	if err := dir.Chtimes(part, info.ModTime(), info.ModTime()); err != nil {
		return 0, err
	}
	return size, dir.Rename(part, name+gzSuffix)
}

func (p *press) compress(target io.Writer, source io.Reader, info fs.FileInfo) (size int64, err error) {
	out := counter{w: target}
	p.gather.Reset(&out)
	p.writer.Reset(p.gather)
	p.writer.ModTime = info.ModTime()
	if _, err := io.CopyBuffer(p.writer, struct{ io.Reader }{source}, p.buffer); err != nil { // a file would copy itself with a buffer of its own
		return 0, err
	}
	if err := errors.Join(p.writer.Close(), p.gather.Flush()); err != nil {
		return 0, err
	}
	return out.n, nil
}

// counter counts what is written.
type counter struct {
	w io.Writer
	n int64
}

func (c *counter) Write(b []byte) (int, error) {
	n, err := c.w.Write(b)
	c.n += int64(n)
	return n, err
}
