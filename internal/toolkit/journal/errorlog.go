package journal

import (
	"bufio"
	"bytes"
	"cmp"
	"encoding/json"
	"strconv"

	"sluice/internal/toolkit/fault"
)

// Store is the file of an error log.
type Store interface {
	ReadOrNothing(name string) ([]byte, error)
	Append(name string, content []byte) error
}

// ErrorLog is a handler that keeps one JSON line for each code that was reported in
// cloud.error.log. Its Sink has the level warning.
type ErrorLog struct {
	store Store
	name  string
}

// NewErrorLog returns an ErrorLog over a file of the store.
func NewErrorLog(store Store, name string) *ErrorLog { return &ErrorLog{store, name} }

// Entry is one line of cloud.error.log. The fields are in the order of the alphabet, as
// they are in the file.
type Entry struct {
	ErrorCode  int    `json:"errorCode"`
	Stage      string `json:"stage,omitempty"`
	Step       string `json:"step,omitempty"`
	Suggestion string `json:"suggestion,omitempty"`
	Title      string `json:"title"`
	Type       string `json:"type,omitempty"`
}

// Fields returns the keys and values that an entry has, by key.
func (e Entry) Fields() [][2]string {
	var out [][2]string
	for _, f := range [][2]string{
		{"errorCode", strconv.Itoa(e.ErrorCode)},
		{"stage", e.Stage},
		{"step", e.Step},
		{"suggestion", e.Suggestion},
		{"title", e.Title},
		{"type", e.Type},
	} {
		if f[1] != "" {
			out = append(out, f)
		}
	}
	return out
}

// EntryOf returns what the table says of a code.
func EntryOf(code int) (Entry, bool) {
	known, ok := fault.Lookup(code)
	return Entry{
		ErrorCode: code, Stage: known.Stage, Step: known.Step,
		Suggestion: known.Suggestion, Title: known.Title, Type: string(known.Type),
	}, ok
}

// Handle appends a record that has a code, unless the file has the code already.
func (h *ErrorLog) Handle(r Record) error {
	if !r.HasCode {
		return nil
	}
	text, err := h.store.ReadOrNothing(h.name)
	if err != nil {
		return err
	}
	for _, e := range ParseErrorLog(text) {
		if e.ErrorCode == r.Code {
			return nil
		}
	}
	e, _ := EntryOf(r.Code)
	e.Title = cmp.Or(r.Message, e.Title)
	e.Suggestion = cmp.Or(r.Suggestion, e.Suggestion)
	line, err := encode(e)
	if err != nil {
		return err
	}
	if len(text) > 0 && !bytes.HasSuffix(text, []byte("\n")) {
		line = append([]byte("\n"), line...)
	}
	return h.store.Append(h.name, line)
}

// encode returns a line of JSON; <, > and & are not escaped, because people read it.
func encode(v any) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	err := enc.Encode(v)
	return b.Bytes(), err
}

// ParseErrorLog returns the entries of a cloud.error.log; other lines are left out.
func ParseErrorLog(text []byte) []Entry {
	var out []Entry
	lines := bufio.NewScanner(bytes.NewReader(text))
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var e Entry
		if json.Unmarshal(lines.Bytes(), &e) == nil {
			out = append(out, e)
		}
	}
	return out
}
