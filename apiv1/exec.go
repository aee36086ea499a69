package apiv1

import (
	"encoding/binary"
	"fmt"
	"io"
)

// ExecProtocol is the Upgrade token of the exec endpoint.
const ExecProtocol = "sluice-exec/1"

// MaxFrame is the most bytes that a frame's payload may have.
const MaxFrame = 64 << 10

// ExecCommand is what the exec endpoint is asked to run.
type ExecCommand struct {
	App  string   `json:"app,omitempty"` // may be empty when the environment has one application
	Argv []string `json:"argv"`          // empty: an interactive shell
	TTY  bool     `json:"tty,omitempty"`
	Size *Size    `json:"size,omitempty"` // of the terminal, when TTY
}

// Size is the size of a terminal in characters.
type Size struct {
	Columns uint16 `json:"columns"`
	Rows    uint16 `json:"rows"`
}

// FrameType says what a frame carries.
type FrameType byte

// The frame types.
const (
	FrameStdin  FrameType = 0 // bytes of the input; none: its end
	FrameStdout FrameType = 1
	FrameStderr FrameType = 2
	FrameExit   FrameType = 3 // exit status, 4 bytes big endian
	FrameResize FrameType = 4 // columns and rows, 2 bytes big endian each
	FrameError  FrameType = 5 // an Error as JSON: the command could not run to its end
)

const frameHeader = 5

// WriteFrame writes one frame with a single Write. A longer payload than MaxFrame is an error.
func WriteFrame(w io.Writer, t FrameType, payload []byte) error {
	if len(payload) > MaxFrame {
		return fmt.Errorf("write frame: %d bytes are more than %d", len(payload), MaxFrame)
	}
	buf := make([]byte, frameHeader+len(payload))
	buf[0] = byte(t)
	binary.BigEndian.PutUint32(buf[1:], uint32(len(payload))) //nolint:gosec // bounded above
	copy(buf[frameHeader:], payload)
	if _, err := w.Write(buf); err != nil {
		return fmt.Errorf("write frame: %w", err)
	}
	return nil
}

// ReadFrame reads one frame. It returns io.EOF at the end of the stream, and
// io.ErrUnexpectedEOF within a frame.
func ReadFrame(r io.Reader) (FrameType, []byte, error) {
	var head [frameHeader]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return 0, nil, err //nolint:wrapcheck // io.EOF is part of the contract
	}
	n := binary.BigEndian.Uint32(head[1:])
	if n > MaxFrame {
		return 0, nil, fmt.Errorf("read frame: %d bytes are more than %d", n, MaxFrame)
	}
	payload := make([]byte, n)
	if _, err := io.ReadFull(r, payload); err != nil {
		return 0, nil, fmt.Errorf("read frame: %w", io.ErrUnexpectedEOF)
	}
	return FrameType(head[0]), payload, nil
}

// EncodeSize returns the payload of a FrameResize.
func EncodeSize(s Size) []byte {
	return binary.BigEndian.AppendUint16(binary.BigEndian.AppendUint16(nil, s.Columns), s.Rows)
}

// DecodeSize reads the payload of a FrameResize.
func DecodeSize(payload []byte) (Size, error) {
	if len(payload) != 4 {
		return Size{}, fmt.Errorf("read size: %d bytes instead of 4", len(payload))
	}
	return Size{Columns: binary.BigEndian.Uint16(payload), Rows: binary.BigEndian.Uint16(payload[2:])}, nil
}

// EncodeExit returns the payload of a FrameExit.
func EncodeExit(code int) []byte {
	return binary.BigEndian.AppendUint32(nil, uint32(code)) //nolint:gosec // an exit status
}

// DecodeExit reads the payload of a FrameExit.
func DecodeExit(payload []byte) (int, error) {
	if len(payload) != 4 {
		return 0, fmt.Errorf("read exit status: %d bytes instead of 4", len(payload))
	}
	return int(int32(binary.BigEndian.Uint32(payload))), nil //nolint:gosec // an exit status
}

// FrameWriter is an io.Writer that sends what is written as frames of one type. Several may
// share a connection when its Write is safe for concurrent use.
type FrameWriter struct {
	W    io.Writer
	Type FrameType
}

// Write sends p in frames of at most MaxFrame bytes. An empty p sends nothing.
func (f FrameWriter) Write(p []byte) (int, error) {
	sent := 0
	for len(p) > 0 {
		n := min(len(p), MaxFrame)
		if err := WriteFrame(f.W, f.Type, p[:n]); err != nil {
			return sent, err
		}
		sent += n
		p = p[n:]
	}
	return sent, nil
}
