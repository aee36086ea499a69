package journal

import (
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net"
	"strconv"
	"strings"
	"time"
)

// GELF is a handler that writes to a Graylog server.
type GELF struct {
	Transport  string // http, tcp or udp
	Address    string // host:port
	Path       string // of http
	Client     Doer   // of http
	Timeout    time.Duration
	ChunkSize  int // of udp, in bytes
	Additional map[string]string
	Hostname   string

	conn net.Conn
}

// Handle sends a record.
func (h *GELF) Handle(r Record) error {
	message, err := h.encode(r)
	if err != nil {
		return err
	}
	switch h.Transport {
	case "http":
		url := "http://" + h.Address + "/" + strings.TrimPrefix(h.Path, "/")
		err = post(h.Client, url, "application/json", "", message, func([]byte) error { return nil })
	case "tcp":
		err = h.write(append(message, 0))
	case "udp":
		err = h.chunks(message)
	default:
		err = fmt.Errorf("Unknown transport type: %s", h.Transport)
	}
	if err != nil {
		return fmt.Errorf("Can't send log message: %w", err)
	}
	return nil
}

func (h *GELF) encode(r Record) ([]byte, error) {
	short, rest, _ := strings.Cut(r.Message, "\n")
	m := map[string]any{
		"version":       "1.1",
		"host":          h.Hostname,
		"short_message": short,
		"timestamp":     float64(r.Time.UnixMilli()) / 1000,
		"level":         severity(r.Level),
		"_level":        strings.ToUpper(r.Level.String()),
	}
	if rest != "" || r.Suggestion != "" {
		m["full_message"] = strings.TrimRight(r.Message+"\n"+r.Suggestion, "\n")
	}
	if r.Code != 0 {
		m["_errorCode"] = strconv.Itoa(r.Code)
	}
	extra := map[string]any{}
	for key, v := range h.Additional {
		extra["_"+strings.TrimPrefix(key, "_")] = v
	}
	delete(extra, "_id") // the server refuses it
	maps.Copy(m, extra)
	return json.Marshal(m)
}

func (h *GELF) write(data []byte) error {
	if h.conn == nil {
		conn, err := dial(h.Transport, h.Address, min(h.Timeout, notifyTimeout))
		if err != nil {
			return err
		}
		h.conn = conn
	}
	if err := h.conn.SetWriteDeadline(time.Now().Add(notifyTimeout)); err != nil {
		return err
	}
	_, err := h.conn.Write(data)
	return err
}

// maxChunks is what the protocol allows for one message.
const maxChunks = 128

// chunkHeader is the length of what precedes each chunk, in bytes.
const chunkHeader = 12

// chunks sends a message in datagrams of the configured size.
func (h *GELF) chunks(message []byte) error {
	size := h.ChunkSize - chunkHeader
	if size <= 0 {
		return fmt.Errorf("a chunk_size of %d bytes leaves no room for data", h.ChunkSize)
	}
	if len(message) <= h.ChunkSize {
		return h.write(message)
	}
	count := (len(message) + size - 1) / size
	if count > maxChunks {
		return errors.New("the message is too long for " + strconv.Itoa(maxChunks) + " chunks")
	}
	id := make([]byte, 8)
	_, _ = rand.Read(id) // never fails
	for i := range count {
		part := message[i*size : min(len(message), (i+1)*size)]
		datagram := append([]byte{0x1e, 0x0f}, id...)
		datagram = append(datagram, byte(i), byte(count))
		if err := h.write(append(datagram, part...)); err != nil {
			return err
		}
	}
	return nil
}

// Close closes the connection.
func (h *GELF) Close() error {
	if h.conn == nil {
		return nil
	}
	return h.conn.Close()
}
