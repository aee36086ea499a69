package feed

import (
	"bytes"
	"strings"
	"testing"
	"time"
)

func FuzzParseRecord(f *testing.F) {
	f.Add([]byte(`{"id":1,"t":"2026-05-04T12:00:00.123456Z","m":"text"}`))
	f.Add([]byte(`{"seal":true}`))
	f.Add([]byte(`{"id":-1}`))
	f.Add([]byte("\x00"))
	f.Fuzz(func(t *testing.T, line []byte) {
		e, seal, ok := parseRecord(line)
		if !ok || seal || e.Time.Year() < 0 || e.Time.Year() > 9999 {
			return
		}
		var buf bytes.Buffer
		if err := appendEntry(&buf, e); err != nil {
			t.Fatal(err)
		}
		again, _, ok := parseRecord(bytes.TrimSuffix(buf.Bytes(), []byte("\n")))
		if !ok || again.ID != e.ID || again.Message != e.Message || !again.Time.Equal(e.Time.Truncate(time.Microsecond)) {
			t.Errorf("%+v was written and read as %+v", e, again)
		}
	})
}

func FuzzSplitLines(f *testing.F) {
	f.Add("a\nb", "c\n")
	f.Add(strings.Repeat("x", maxText), "\n\n")
	f.Fuzz(func(t *testing.T, first, second string) {
		texts, rest := splitLines([]byte(first))
		more, rest := splitLines(append(rest, second...))
		total := len(rest)
		for _, text := range append(texts, more...) {
			if strings.Contains(text, "\n") || len(text) > 3*maxText {
				t.Errorf("bad line of %d bytes", len(text))
			}
			total += len(text)
		}
		if len(rest) > maxText {
			t.Errorf("%d bytes wait for the end of their line", len(rest))
		}
		if total < len(rest) {
			t.Error("lost text")
		}
	})
}
