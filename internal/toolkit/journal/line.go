package journal

import (
	"io"
	"strconv"
	"strings"

	"sluice/internal/toolkit/fault"
)

// timeFormat is ISO 8601 with microseconds and offset.
const timeFormat = "2006-01-02T15:04:05.000000-07:00"

// Line returns a record as a line of the console and of cloud.log, without the newline:
//
//	[2026-11-23T09:09:47.312568+00:00] INFO: message
//
// A warning, error or critical record with a code has "[code] " before its message; a
// suggestion follows on lines of its own.
func Line(r Record) string {
	var b strings.Builder
	b.WriteByte('[')
	b.WriteString(r.Time.UTC().Format(timeFormat))
	b.WriteString("] ")
	b.WriteString(Text(r))
	return b.String()
}

// Text returns the line of a record without its time.
func Text(r Record) string {
	var b strings.Builder
	b.WriteString(strings.ToUpper(r.Level.String()))
	b.WriteString(": ")
	if r.Code != 0 && (r.Level == fault.Warning || r.Level == fault.Error || r.Level == fault.Critical) {
		b.WriteString("[" + strconv.Itoa(r.Code) + "] ")
	}
	b.WriteString(r.Message)
	if r.Suggestion != "" {
		b.WriteString("\n" + r.Suggestion)
	}
	return b.String()
}

// Lines is a handler that writes each record as a line to w.
func Lines(w io.Writer) Handler { return lines{w} }

type lines struct{ w io.Writer }

func (h lines) Handle(r Record) error {
	_, err := io.WriteString(h.w, Line(r)+"\n")
	return err
}
