package gitserve

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"sluice/internal/platform"
)

// The hook and the control plane speak in frames: one byte for the kind, four for the
// length of the payload (big-endian), and the payload. The hook sends one call; it gets
// any number of outputs and one exit.
const (
	frameCall   = 'c' // JSON of a call
	frameOutput = 'o' // bytes for the pusher
	frameExit   = 'x' // one byte: the exit status of the hook
)

// Limits of a frame's payload, in bytes. A call lists every ref of a push.
const (
	maxCall   = 16 << 20
	maxOutput = 32 << 10
)

var errFrame = errors.New("malformed frame")

// call is what a hook sends to the control plane.
type call struct {
	Token      string               `json:"token"`
	Hook       string               `json:"hook"`
	Updates    []platform.RefUpdate `json:"updates"`
	Options    map[string]string    `json:"options,omitempty"`
	Quarantine []string             `json:"quarantine,omitempty"`
}

func writeFrame(w io.Writer, kind byte, payload []byte) error {
	frame := make([]byte, 0, 5+len(payload))
	frame = append(frame, kind)
	frame = binary.BigEndian.AppendUint32(frame, uint32(len(payload))) //nolint:gosec // payloads are bounded far below
	_, err := w.Write(append(frame, payload...))
	return err
}

// readFrame reads one frame whose payload has at most limit bytes.
func readFrame(r io.Reader, limit uint32) (kind byte, payload []byte, err error) {
	var head [5]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return 0, nil, err
	}
	n := binary.BigEndian.Uint32(head[1:])
	if n > limit {
		return 0, nil, fmt.Errorf("%w: %d bytes, at most %d are allowed", errFrame, n, limit)
	}
	payload = make([]byte, n)
	if _, err := io.ReadFull(r, payload); err != nil {
		return 0, nil, err
	}
	return head[0], payload, nil
}

func writeCall(w io.Writer, c call) error {
	payload, err := json.Marshal(c)
	if err != nil {
		return err
	}
	if len(payload) > maxCall {
		return fmt.Errorf("%w: the push has too many refs", errFrame)
	}
	return writeFrame(w, frameCall, payload)
}

func readCall(r io.Reader) (call, error) {
	kind, payload, err := readFrame(r, maxCall)
	if err != nil {
		return call{}, err
	}
	var c call
	if kind != frameCall {
		return call{}, errFrame
	}
	if err := json.Unmarshal(payload, &c); err != nil {
		return call{}, fmt.Errorf("%w: %w", errFrame, err)
	}
	return c, nil
}

// frameWriter sends what is written to it as output frames.
type frameWriter struct{ w io.Writer }

// Write implements io.Writer.
func (f frameWriter) Write(p []byte) (n int, err error) {
	for len(p) > 0 {
		part := p[:min(len(p), maxOutput)]
		if err := writeFrame(f.w, frameOutput, part); err != nil {
			return n, err
		}
		n += len(part)
		p = p[len(part):]
	}
	return n, nil
}

// receiveOutput copies output frames to w until the exit frame, and returns its status.
// When w fails, the rest is read all the same: the status counts.
func receiveOutput(r io.Reader, w io.Writer) (status int, err error) {
	for {
		kind, payload, err := readFrame(r, maxOutput)
		if err != nil {
			return 0, err
		}
		switch {
		case kind == frameOutput:
			_, _ = w.Write(payload)
		case kind == frameExit && len(payload) == 1:
			return int(payload[0]), nil
		default:
			return 0, errFrame
		}
	}
}
