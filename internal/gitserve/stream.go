package gitserve

import (
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"
)

// How long a client may take: for a piece of data, and for a whole push or fetch. Without
// the second one, a few bytes a minute would keep a turn for days.
const (
	idleLimit  = 2 * time.Minute
	totalLimit = time.Hour
)

// sink sends to the client what git says, at once. When the client is gone it swallows
// the rest, so that git never waits for it nor dies of it.
type sink struct {
	w    http.ResponseWriter
	rc   *http.ResponseController
	gone func(error) // called once
	dead bool
}

// Write implements io.Writer and never fails.
func (s *sink) Write(p []byte) (int, error) {
	if s.dead {
		return len(p), nil
	}
	_ = s.rc.SetWriteDeadline(time.Now().Add(idleLimit)) // not all transports can
	_, err := s.w.Write(p)
	if err == nil {
		err = s.rc.Flush()
	}
	if err != nil {
		s.dead = true
		s.gone(fmt.Errorf("%w: %w", errClientLeft, err))
	}
	return len(p), nil
}

// body reads a request's body: unpacked when it is compressed, at most limit bytes, and
// with a deadline for every piece and for the whole.
type body struct {
	raw  io.Reader // as it comes from the client
	text io.Reader
	rc   *http.ResponseController
}

var errTooLarge = errors.New("the request is too large")

func newBody(w http.ResponseWriter, r *http.Request, limit int64) (*body, error) {
	b := &body{rc: http.NewResponseController(w)}
	end := time.Now().Add(totalLimit)
	b.raw = readerFunc(func(p []byte) (int, error) {
		_ = b.rc.SetReadDeadline(earlier(time.Now().Add(idleLimit), end)) // not all transports can
		return r.Body.Read(p)
	})
	text := b.raw
	switch r.Header.Get("Content-Encoding") {
	case "", "identity":
	case "gzip", "x-gzip":
		zr, err := gzip.NewReader(b.raw)
		if err != nil {
			return nil, fmt.Errorf("unpack request: %w", err)
		}
		text = zr
	default:
		return nil, fmt.Errorf("unpack request: unknown encoding %q", r.Header.Get("Content-Encoding"))
	}
	left := limit
	b.text = readerFunc(func(p []byte) (int, error) {
		n, err := text.Read(p)
		if left -= int64(n); left < 0 {
			return 0, errTooLarge
		}
		return n, err
	})
	return b, nil
}

// feed copies the body to git and closes its input. Then it reads what git did not want,
// up to limit bytes: a client that still sends would not read the response. The deadline
// goes last, for it would be mistaken for a client that left.
func (b *body) feed(git io.WriteCloser, limit int64) {
	_, _ = io.Copy(git, b.text) // git reports an input that ends early
	_ = git.Close()
	_, _ = io.CopyN(io.Discard, b.raw, limit)
	_ = b.rc.SetReadDeadline(time.Time{})
}

func earlier(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}

type readerFunc func(p []byte) (int, error)

// Read implements io.Reader.
func (f readerFunc) Read(p []byte) (int, error) { return f(p) }
