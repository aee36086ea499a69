package wire

import (
	"bytes"
	"errors"
	"io"
	"strings"
)

// Body reads the body of a response in the pieces in which it arrives.
type Body struct {
	in      *Reader
	framing Framing
	left    int64 // of the body, or of the chunk
	begun   bool  // a chunk came before
	done    bool

	// Trailer is what came after a chunked body, once Next has returned io.EOF.
	Trailer []Field
}

// Body returns the body that follows the response's head on in.
func (r *Response) Body(in *Reader) Body {
	b := Body{in: in, framing: r.Framing, left: r.Length}
	b.done = r.Framing == NoBody
	return b
}

// Done reports whether the body has been read to its end.
func (b *Body) Done() bool { return b.done }

// More reports whether Next has something to return without waiting for it.
func (b *Body) More() bool {
	have := b.in.buf[b.in.r:b.in.w]
	if b.done || b.framing != Chunked || b.left > 0 {
		return !b.done && len(have) > 0
	}
	skip := b.skip()
	if len(have) <= skip {
		return false
	}
	i := bytes.IndexByte(have[skip:], '\n')
	if i < 0 {
		return false
	}
	rest := have[skip+i+1:]
	if have[skip] == '0' {
		return bytes.HasPrefix(rest, []byte("\r\n")) || HeadEnd(rest, 0) >= 0
	}
	return len(rest) > 0
}

// skip is the line end of the chunk before.
func (b *Body) skip() int {
	if b.begun {
		return len("\r\n")
	}
	return 0
}

// Next returns the next piece, which is valid until the next call, or io.EOF. A connection
// that ends too early is io.ErrUnexpectedEOF. After an error that is a timeout it may be
// called again.
func (b *Body) Next() ([]byte, error) {
	switch {
	case b.done:
		return nil, io.EOF
	case b.framing == UntilClose:
		p, err := b.in.next(-1)
		b.done = errors.Is(err, io.EOF)
		return p, err
	case b.framing == Chunked && b.left == 0:
		if err := b.chunk(); err != nil {
			return nil, early(err)
		}
		if b.done {
			return nil, io.EOF
		}
	}
	p, err := b.in.next(b.left)
	if err != nil {
		return nil, early(err)
	}
	b.left -= int64(len(p))
	if b.framing == Length {
		b.done = b.left == 0
	}
	return p, nil
}

func early(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}

// chunk reads the line before a chunk, and the trailer after the last.
func (b *Body) chunk() error {
	skip := b.skip()
	line, err := b.in.line(skip, maxChunkLine)
	if err != nil {
		return err
	}
	if b.begun && (line[0] != '\r' || line[1] != '\n') {
		return malformed("a chunk longer than its size")
	}
	size, err := chunkSize(line[skip:])
	if err != nil {
		return err
	}
	if size == 0 {
		// The line stays where it is until the trailer has come, too: both or nothing.
		return b.trailer(len(line))
	}
	b.in.r += len(line)
	b.begun, b.left = true, size
	return nil
}

const maxChunkLine = 4 << 10

// line returns what is read next up to and with a line feed after the first skip bytes,
// without taking it.
func (r *Reader) line(skip, limit int) ([]byte, error) {
	for {
		have := r.buf[r.r:r.w]
		if len(have) > skip {
			if i := bytes.IndexByte(have[skip:], '\n'); i >= 0 {
				return have[:skip+i+1], nil
			}
		}
		if len(have) > limit {
			return nil, malformed("an endless line")
		}
		if err := r.fill(max(len(r.buf), 2*limit)); err != nil {
			return nil, err
		}
	}
}

// chunkSize reads "1f;extension\r\n". Extensions mean nothing to anybody.
func chunkSize(line []byte) (int64, error) {
	line, found := bytes.CutSuffix(line, []byte("\r\n"))
	if !found || bytes.IndexByte(line, '\r') >= 0 {
		return 0, malformed("a chunk size without a proper line end")
	}
	if i := bytes.IndexByte(line, ';'); i >= 0 {
		line = line[:i]
	}
	line = bytes.TrimRight(line, " \t")
	if len(line) == 0 || len(line) > 15 {
		return 0, malformed("a chunk size that is not a number")
	}
	n := int64(0)
	for _, c := range line {
		d := strings.IndexByte("0123456789abcdef", c|0x20)
		if c < '0' || d < 0 {
			return 0, malformed("a chunk size that is not a number")
		}
		n = n<<4 | int64(d)
	}
	return n, nil
}

// trailer reads the fields after the last chunk, whose line of the given length is still
// to be taken.
func (b *Body) trailer(last int) error {
	for {
		have := b.in.buf[b.in.r+last : b.in.w]
		switch {
		case bytes.HasPrefix(have, []byte("\r\n")):
			b.in.r += last + 2
			b.done = true
			return nil
		case len(have) > 1:
			if end := HeadEnd(have, 0); end >= 0 {
				text := string(have[:end])
				text = strings.TrimSuffix(strings.TrimSuffix(text, "\n"), "\r")
				fields, err := parseFields(text, nil)
				if err != nil {
					return err
				}
				b.in.r += last + end
				b.Trailer, b.done = fields, true
				return nil
			}
		}
		if len(have) > maxTrailer {
			return ErrTooLarge
		}
		if err := b.in.fill(max(len(b.in.buf), 2*maxTrailer)); err != nil {
			return err
		}
	}
}
