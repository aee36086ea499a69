package gitrepo

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"

	"sluice/internal/gitcmd"
)

// blobs reads objects through one git cat-file process, one at a time.
type blobs struct {
	mu     sync.Mutex
	cmd    *gitcmd.Cmd
	in     io.WriteCloser
	out    *bufio.Reader
	closed bool
	broken error // the output of the process is out of step with the requests
}

func (r *Repos) openBlobs(ctx context.Context, dir string, env []string) (*blobs, error) {
	cmd := r.command(ctx, dir, env, "cat-file", "--batch")
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, gitError(ctx, "cat-file", err, cmd)
	}
	return &blobs{cmd: cmd, in: in, out: bufio.NewReader(out)}, nil
}

// read returns the content of a blob of the given size, unless it is larger than limit.
func (b *blobs) read(id string, size, limit int64) ([]byte, error) {
	if size > limit {
		return nil, errTooLarge
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed {
		return nil, os.ErrClosed
	}
	if b.broken != nil {
		return nil, b.broken
	}
	content, err := b.request(id, size)
	if err != nil {
		b.broken = fmt.Errorf("git cat-file: %w", err)
	}
	return content, b.broken
}

func (b *blobs) request(id string, size int64) ([]byte, error) {
	head, err := b.ask(id)
	if err != nil {
		return nil, err
	}
	if want := fmt.Sprintf("%s blob %d\n", id, size); head != want {
		return nil, fmt.Errorf("got %q instead of %q", head, want)
	}
	content := make([]byte, size+1) // and a newline
	if _, err := io.ReadFull(b.out, content); err != nil {
		return nil, err
	}
	return content[:size], nil
}

// ask asks for an object and returns the line that comes before its content.
func (b *blobs) ask(id string) (head string, err error) {
	if _, err := io.WriteString(b.in, id+"\n"); err != nil {
		return "", err
	}
	return b.out.ReadString('\n')
}

// close ends the process and waits for it.
func (b *blobs) close() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed {
		return nil
	}
	b.closed = true
	err := b.in.Close()
	_, _ = io.Copy(io.Discard, b.out) // drains what was not read
	// Killed by its context, or after a read that failed: both were reported.
	_ = b.cmd.Wait()
	if errors.Is(err, os.ErrClosed) {
		return nil
	}
	return err
}
