package deploy

import (
	"bytes"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"sluice/internal/work"
)

func TestProgressLinesBecomeTimes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		touches := 0
		out, done := watched(work.NewLogbook(&log), 1, heard{touching: func() { touches++ }})
		say := func(line string, then time.Duration) {
			_, _ = fmt.Fprint(out, line)
			time.Sleep(then)
		}
		say("::sluice::hello sluice-toolkit 1\n", 0)
		say("  ::sluice::step compile-di\n", 0)
		say("  Running DI compilation\n", 72*time.Second)
		say("  ::sluice::step quick\n", 10*time.Millisecond)
		say("::sluice::touch the cache\n::sluice::touch the database\n", 0)
		say("::sluice::step packed after\n", 1300*time.Millisecond)
		say("::sluice::step \n", time.Minute) // the slug is packed
		say("::sluice::step last\nno newline", 1500*time.Millisecond)
		done()
		want := "    Running DI compilation\n  (compile-di took 1 m 12 s)\n  (packed after took 1.3 s)\n  no newline\n  (last took 1.5 s)\n"
		if log.String() != want {
			t.Errorf("log:\n%s\nwant:\n%s", log.String(), want)
		}
		if touches != 1 {
			t.Errorf("touched %d times, want once", touches)
		}
	})
}
