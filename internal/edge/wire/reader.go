package wire

import (
	"errors"
	"io"
	"sync"
)

// Reader reads messages from a connection. Its buffer grows with what it must hold at
// once and is handed out without copying.
type Reader struct {
	Src io.Reader
	buf []byte
	r   int  // where what is buffered begins
	w   int  // and ends
	got bool // anything since Begin

	small []byte // the buffer before Bulk
	bulk  *[bulkBuffer]byte
}

// Sizes of a Reader's buffer.
const (
	smallBuffer = 4 << 10
	bulkBuffer  = 128 << 10
	maxTrailer  = 16 << 10
)

var errNoProgress = errors.New("reads return nothing")

// Begin forgets that anything was read: Got tells about the message that comes.
func (r *Reader) Begin() { r.got = r.r < r.w }

// Got reports whether anything arrived since Begin.
func (r *Reader) Got() bool { return r.got }

// Buffered returns how many bytes were read and not yet taken.
func (r *Reader) Buffered() int { return r.w - r.r }

// Rest takes everything that was read and not yet taken. It is valid until the next read.
func (r *Reader) Rest() []byte {
	p := r.buf[r.r:r.w]
	r.r, r.w = 0, 0
	return p
}

// fill reads once. It makes room first, up to limit bytes in all.
func (r *Reader) fill(limit int) error {
	switch {
	case r.r == r.w:
		r.r, r.w = 0, 0
	case r.r > 0 && r.w == len(r.buf):
		r.w = copy(r.buf, r.buf[r.r:r.w])
		r.r = 0
	}
	if r.w == len(r.buf) {
		if len(r.buf) >= limit {
			return ErrTooLarge
		}
		bigger := make([]byte, min(max(2*len(r.buf), smallBuffer), limit))
		copy(bigger, r.buf[:r.w])
		r.buf = bigger
	}
	for range 100 {
		n, err := r.Src.Read(r.buf[r.w:])
		r.w += n
		r.got = r.got || n > 0
		if n > 0 {
			return nil // the error comes again
		}
		if err != nil {
			return err
		}
	}
	return errNoProgress
}

// Bulk makes room for a long body to be read in large pieces.
func (r *Reader) Bulk() {
	if len(r.buf) >= bulkBuffer {
		return
	}
	r.bulk = bulks.Get().(*[bulkBuffer]byte) //nolint:errcheck // New makes nothing else
	r.small = r.buf
	r.w = copy(r.bulk[:], r.buf[r.r:r.w])
	r.r, r.buf = 0, r.bulk[:]
}

// Idle gives back what Bulk took. Nothing may be buffered.
func (r *Reader) Idle() {
	if r.bulk != nil {
		bulks.Put(r.bulk)
		r.buf, r.small, r.bulk = r.small, nil, nil
	}
	if len(r.buf) > maxKept {
		r.buf = nil // it held a large head
	}
	r.r, r.w = 0, 0
}

// maxKept is how much room an idle Reader keeps at most.
const maxKept = 16 << 10

// bulks lends large buffers.
var bulks = sync.Pool{New: func() any { return new([bulkBuffer]byte) }} //nolint:gochecknoglobals // a cache

// Head takes a message's head, up to the empty line that ends it. It is valid until the
// next read. A head of more than limit bytes is ErrTooLarge.
func (r *Reader) Head(limit int) ([]byte, error) {
	seen := r.r
	for {
		if end := HeadEnd(r.buf[:r.w], max(seen-3, r.r)); end >= 0 {
			head := r.buf[r.r:end]
			r.r = end
			return head, nil
		}
		offset := r.w - r.r
		if offset >= limit {
			return nil, ErrTooLarge
		}
		if err := r.fill(limit); err != nil {
			return nil, unexpected(err, offset)
		}
		seen = r.r + offset
	}
}

// unexpected makes the end of a connection within a message an error of its own.
func unexpected(err error, had int) error {
	if errors.Is(err, io.EOF) && had > 0 {
		return io.ErrUnexpectedEOF
	}
	return err
}

// next takes what is there of the next n bytes, reading when nothing is; n < 0 for any
// number.
func (r *Reader) next(n int64) ([]byte, error) {
	if r.r == r.w {
		if err := r.fill(max(len(r.buf), smallBuffer)); err != nil {
			return nil, err
		}
	}
	have := r.w - r.r
	if n >= 0 && int64(have) > n {
		have = int(n)
	}
	p := r.buf[r.r : r.r+have]
	r.r += have
	return p, nil
}
