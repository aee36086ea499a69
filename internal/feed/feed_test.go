package feed_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"sluice/internal/feed"
	"sluice/internal/platform"
)

func open(t *testing.T, dir string, opts ...feed.Option) *feed.Feed {
	t.Helper()
	f, err := feed.Open(dir, opts...)
	check(t, err)
	t.Cleanup(func() { _ = f.Close() })
	return f
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// write appends to the log of activity a1.
func write(t *testing.T, f *feed.Feed, text string) {
	t.Helper()
	w, err := f.Log("a1")
	check(t, err)
	_, err = io.WriteString(w, text)
	check(t, err)
	check(t, w.Close())
}

// texts reads the sealed log of activity a1.
func texts(t *testing.T, f *feed.Feed) []string {
	t.Helper()
	var got []string
	next := 1
	for e, err := range f.Entries(t.Context(), "a1", 0) {
		check(t, err)
		if e.ID != next || e.Time.IsZero() {
			t.Errorf("got entry %+v, want identifier %d and a time", e, next)
		}
		next++
		got = append(got, e.Message)
	}
	return got
}

func TestLinesAreWhatWasWritten(t *testing.T) {
	for name, test := range map[string]struct {
		writes []string
		want   []string
	}{
		"whole lines":      {[]string{"a\nb\n"}, []string{"a", "b"}},
		"pieces":           {[]string{"a", "b\nc", "\n"}, []string{"ab", "c"}},
		"unfinished":       {[]string{"a\nb"}, []string{"a", "b"}},
		"empty lines":      {[]string{"\n\na\n"}, []string{"", "", "a"}},
		"carriage return":  {[]string{"a\r\n"}, []string{"a"}},
		"not UTF-8":        {[]string{"a\xffb\n"}, []string{"a\uFFFDb"}},
		"control, HTML":    {[]string{"\x1b[1m<b>\"\u2028\n"}, []string{"\x1b[1m<b>\"\u2028\x1b[0m"}},
		"split rune":       {[]string{"\xc3", "\xa4\n"}, []string{"ä"}},
		"nothing":          {[]string{""}, nil},
		"very long":        {[]string{strings.Repeat("x", 40000) + "\n"}, []string{strings.Repeat("x", 16384), strings.Repeat("x", 16384), strings.Repeat("x", 7232)}},
		"all visible":      {[]string{strings.Repeat("\x01", 16384) + "\n"}, []string{strings.Repeat("\u2401", 16384)}},
		"all escaped":      {[]string{strings.Repeat("\x1b[m", 5461) + "\n"}, []string{strings.Repeat("\x1b[m", 5461)}},
		"exactly the most": {[]string{strings.Repeat("x", 16384) + "\ny\n"}, []string{strings.Repeat("x", 16384), "y"}},
	} {
		t.Run(name, func(t *testing.T) {
			f := open(t, t.TempDir())
			w, err := f.Log("a1")
			check(t, err)
			for _, s := range test.writes {
				n, err := io.WriteString(w, s)
				check(t, err)
				if n != len(s) {
					t.Errorf("wrote %d of %d bytes", n, len(s))
				}
			}
			check(t, w.Close())
			check(t, w.Close())
			check(t, f.Seal("a1"))
			if diff := cmp.Diff(test.want, texts(t, f)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestASealedLogIsComplete(t *testing.T) {
	dir := t.TempDir()
	f := open(t, dir)
	write(t, f, "one\n")
	w, err := f.Log("a1")
	check(t, err)
	check(t, f.Seal("a1"))
	check(t, f.Seal("a1"))
	if _, err := io.WriteString(w, "two\n"); platform.ErrorCode(err) != platform.CodeConflict {
		t.Errorf("got %v, want a conflict", err)
	}
	check(t, w.Close())
	check(t, f.Close())

	f = open(t, dir) // the seal is kept
	if diff := cmp.Diff([]string{"one"}, texts(t, f)); diff != "" {
		t.Error(diff)
	}
	content, err := os.ReadFile(filepath.Join(dir, "a1.log"))
	check(t, err)
	if n := strings.Count(string(content), "seal"); n != 1 {
		t.Errorf("got %d seals in %s", n, content)
	}
}

func TestEntriesStartWhereAsked(t *testing.T) {
	f := open(t, t.TempDir())
	write(t, f, "1\n2\n3\n")
	check(t, f.Seal("a1"))
	var got []string
	for e, err := range f.Entries(t.Context(), "a1", 2) {
		check(t, err)
		got = append(got, e.Message)
	}
	if diff := cmp.Diff([]string{"2", "3"}, got); diff != "" {
		t.Error(diff)
	}
}

func TestACrashTearsAtMostTheLastLine(t *testing.T) {
	for name, torn := range map[string]string{
		"half a line":       `{"id":3,"t":"2026-0`,
		"zeros":             "\x00\x00\x00\x00",
		"zeros and newline": "\x00\x00\n\x00",
		"nothing":           "",
		"endless":           strings.Repeat("x", 1<<20),
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			f := open(t, dir)
			write(t, f, "one\ntwo\n")
			check(t, f.Close())
			path := filepath.Join(dir, "a1.log")
			file, err := os.OpenFile(path, os.O_WRONLY|os.O_APPEND, 0)
			check(t, err)
			_, err = file.WriteString(torn)
			check(t, errors.Join(err, file.Close()))

			f = open(t, dir)
			write(t, f, "three\n")
			check(t, f.Seal("a1"))
			if diff := cmp.Diff([]string{"one", "two", "three"}, texts(t, f)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestFollowersSeeLinesAtOnceAndEndWithTheSeal(t *testing.T) {
	f := open(t, t.TempDir())
	pr, pw := io.Pipe()
	done := make(chan error, 1)
	go func() { // before the log exists
		done <- f.Follow(t.Context(), "a1", pw)
		_ = pw.Close()
	}()
	w, err := f.Log("a1")
	check(t, err)
	buf := make([]byte, 64)
	for i := range 3 {
		want := fmt.Sprintf("line %d\n", i)
		_, err := io.WriteString(w, want)
		check(t, err)
		n, err := io.ReadAtLeast(pr, buf, len(want)) // blocks until the line comes
		check(t, err)
		if got := string(buf[:n]); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
	check(t, w.Close())
	check(t, f.Seal("a1"))
	check(t, <-done)
}

var errLeft = errors.New("the client left")

func TestFollowEndsWithItsContextAndItsWriter(t *testing.T) {
	f := open(t, t.TempDir())
	write(t, f, "one\n")
	ctx, cancel := context.WithCancelCause(t.Context())
	var out bytes.Buffer
	w := writerFunc(func(p []byte) (int, error) {
		cancel(errLeft)
		return out.Write(p)
	})
	if err := f.Follow(ctx, "a1", w); !errors.Is(err, errLeft) || out.String() != "one\n" {
		t.Errorf("got %v after %q", err, &out)
	}
	broken := writerFunc(func([]byte) (int, error) { return 0, io.ErrClosedPipe })
	if err := f.Follow(t.Context(), "a1", broken); !errors.Is(err, io.ErrClosedPipe) {
		t.Errorf("got %v, want the writer's error", err)
	}
}

type writerFunc func([]byte) (int, error)

func (w writerFunc) Write(p []byte) (int, error) { return w(p) }

func TestManyWritersAndFollowers(t *testing.T) {
	f := open(t, t.TempDir())
	const writers, lines = 5, 100
	var followers, work sync.WaitGroup
	for range 3 {
		followers.Go(func() {
			next := 1
			for e, err := range f.Entries(t.Context(), "a1", 0) {
				if err != nil || e.ID != next {
					t.Errorf("got %+v, %v, want identifier %d", e, err, next)
					return
				}
				next++
			}
			if next != writers*lines+1 {
				t.Errorf("a follower saw %d lines", next-1)
			}
		})
	}
	for i := range writers {
		work.Go(func() {
			if err := writeLines(f, i, lines); err != nil {
				t.Error(err)
			}
		})
	}
	work.Wait()
	check(t, f.Seal("a1"))
	followers.Wait()
}

func writeLines(f *feed.Feed, writer, lines int) error {
	w, err := f.Log("a1")
	if err != nil {
		return err
	}
	for n := range lines {
		if _, err := fmt.Fprintf(w, "writer %d line %d\n", writer, n); err != nil {
			return err
		}
	}
	return w.Close()
}

func TestALogHasALimit(t *testing.T) {
	f := open(t, t.TempDir(), feed.WithMaxLogSize(2000))
	w, err := f.Log("a1")
	check(t, err)
	for range 1000 {
		_, err := io.WriteString(w, "noise noise noise\n")
		check(t, err)
	}
	check(t, w.Close())
	check(t, f.Seal("a1"))
	got := texts(t, f)
	if len(got) > 40 || !strings.Contains(got[len(got)-1], "limit of 2000 bytes") {
		t.Errorf("got %d lines, the last one %q", len(got), got[len(got)-1])
	}
}

func TestIdentifiersCannotLeaveTheDirectory(t *testing.T) {
	f := open(t, t.TempDir())
	for _, id := range []string{"", "../x", "a/b", ".", "a.log", strings.Repeat("a", 65), "-a", "a\x00"} {
		if _, err := f.Log(id); platform.ErrorCode(err) != platform.CodeInvalid {
			t.Errorf("Log(%q): got %v", id, err)
		}
		if err := f.Follow(t.Context(), id, io.Discard); platform.ErrorCode(err) != platform.CodeInvalid {
			t.Errorf("Follow(%q): got %v", id, err)
		}
		if err := f.Seal(id); platform.ErrorCode(err) != platform.CodeInvalid {
			t.Errorf("Seal(%q): got %v", id, err)
		}
		if err := f.Remove(id); platform.ErrorCode(err) != platform.CodeInvalid {
			t.Errorf("Remove(%q): got %v", id, err)
		}
	}
}

// TestLogsAreSafeToShow: what hooks print cannot steer the terminal on which it is read.
func TestLogsAreSafeToShow(t *testing.T) {
	f := open(t, t.TempDir())
	write(t, f, "\x1b]52;c;ZXZpbA==\a\x1b[2A\x1b[2KEverything is fine\u009b31m\n\x1b[31mred\n100%\r\n")
	check(t, f.Seal("a1"))
	var b strings.Builder
	check(t, f.Follow(t.Context(), "a1", &b))
	if want := "␛]52;c;ZXZpbA==␇␛[2A␛[2KEverything is fine<U+009B>31m\n\x1b[31mred\x1b[0m\n100%\n"; b.String() != want {
		t.Errorf("got %q, want %q", b.String(), want)
	}
}

func TestSecretsAreNotKept(t *testing.T) {
	f := open(t, t.TempDir())
	w, err := f.Log("a1")
	check(t, err)
	_, err = io.WriteString(w, "token hunter2-hunter2\n") // not known yet
	check(t, err)
	check(t, f.Mask("a1", []string{"hunter2-hunter2", "abc"}))
	_, err = io.WriteString(w, "token hunter2-hunter2 abc\nhunter2-")
	check(t, err)
	_, err = io.WriteString(w, "hunter2") // in two pieces
	check(t, errors.Join(err, w.Close(), f.Seal("a1")))
	var b strings.Builder
	check(t, f.Follow(t.Context(), "a1", &b))
	if want := "token hunter2-hunter2\ntoken ******** abc\n********\n"; b.String() != want {
		t.Errorf("got %q, want %q", b.String(), want)
	}
}
