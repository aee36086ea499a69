package feed

import (
	"bytes"
	"encoding/json"
	"strings"
	"time"

	"sluice/internal/platform"
)

// maxText is the longest text of one line, in bytes; a longer line becomes several.
const maxText = 16 << 10

// maxLine is more than the longest line of a file: every byte of a text may be escaped
// to six, and there is the rest of the object.
const maxLine = 6*maxText + 256

// stampLayout is RFC 3339 with microseconds, as clients of the log stream expect.
const stampLayout = "2006-01-02T15:04:05.000000Z07:00"

// record is one line of a log file: an entry, or the seal.
type record struct {
	ID    int    `json:"id,omitempty"`
	Stamp string `json:"t,omitempty"`
	Text  string `json:"m,omitempty"`
	Seal  bool   `json:"seal,omitempty"`
}

// appendRecord adds the line of r to buf.
func appendRecord(buf *bytes.Buffer, r record) error {
	enc := json.NewEncoder(buf)
	enc.SetEscapeHTML(false)
	return enc.Encode(r) // ends in a newline
}

func appendEntry(buf *bytes.Buffer, e platform.LogEntry) error {
	return appendRecord(buf, record{ID: e.ID, Stamp: e.Time.UTC().Format(stampLayout), Text: e.Message})
}

// parseRecord reads one line of a log file, without its newline. ok is false when it is
// neither an entry nor the seal: then a crash tore it.
func parseRecord(line []byte) (e platform.LogEntry, seal, ok bool) {
	var r record
	if json.Unmarshal(line, &r) != nil {
		return platform.LogEntry{}, false, false
	}
	if r.Seal {
		return platform.LogEntry{}, true, true
	}
	at, err := time.Parse(stampLayout, r.Stamp)
	if err != nil || r.ID < 1 {
		return platform.LogEntry{}, false, false
	}
	return platform.LogEntry{ID: r.ID, Time: at.UTC(), Message: r.Text}, false, true
}

// cleanText makes the text of a line valid UTF-8 without a carriage return at its end.
func cleanText(line []byte) string {
	return strings.ToValidUTF8(string(bytes.TrimSuffix(line, []byte("\r"))), "\uFFFD")
}
