package shell_test

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"sluice/internal/toolkit/journal"
	"sluice/internal/toolkit/shell"
)

type lines []string

func (l *lines) Debug(text string) { *l = append(*l, text) }

func local(t *testing.T) (*shell.Local, *lines) {
	t.Helper()
	log := &lines{}
	return &shell.Local{Dir: t.TempDir(), Env: []string{"PATH=/usr/bin:/bin", "WORD=one"}, Log: log, Redactor: &journal.Redactor{}}, log
}

func TestRun(t *testing.T) {
	l, log := local(t)
	var tee bytes.Buffer
	r, err := l.Run(t.Context(), shell.Command{Args: []string{"sh", "-c", `printf '\n%s %s\n' "$WORD" "$OTHER"; cat; echo err >&2`}, Env: []string{"OTHER=two"}, Stdin: strings.NewReader("in\n"), Output: &tee})
	if err != nil || r.Stdout != "one two\nin" || r.Stderr != "err" || r.Code != 0 {
		t.Errorf("%+v, %v", r, err)
	}
	for _, part := range []string{"one two\n", "in\n", "err\n"} { // the order of stdout and stderr is not known
		if !strings.Contains(tee.String(), part) {
			t.Errorf("%q", &tee)
		}
	}
	if diff := cmp.Diff([]string{`sh -c 'printf '\''\n%s %s\n'\'' "$WORD" "$OTHER"; cat; echo err >&2'`, "one two\nin"}, []string(*log)); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

func TestFailure(t *testing.T) {
	for name, c := range map[string]struct {
		command shell.Command
		message string
		code    int
	}{
		"stderr": {shell.Command{Args: []string{"sh", "-c", "echo out; echo bad >&2; exit 3"}}, `The command "sh -c 'echo out; echo bad >&2; exit 3'" failed. bad`, 3},
		"stdout": {shell.Command{Script: "echo out; exit 4"}, `The command "echo out; exit 4" failed. out`, 4},
		"signal": {shell.Command{Script: "kill -9 $$"}, `The command "kill -9 $$" failed.`, 137},
		"secret": {shell.Command{Args: []string{"sh", "-c", "exit 1", "--db-password=a b"}}, `The command "sh -c 'exit 1' --db-password='******'" failed.`, 1},
	} {
		t.Run(name, func(t *testing.T) {
			l, _ := local(t)
			r, err := l.Run(t.Context(), c.command)
			f, ok := errors.AsType[*shell.Failure](err)
			if !ok || f.Code != c.code || r.Code != c.code || err.Error() != c.message {
				t.Errorf("%+v, %v", r, err)
			}
		})
	}
}

func TestProgramThatIsMissing(t *testing.T) {
	l, _ := local(t)
	_, err := l.Run(t.Context(), shell.Command{Args: []string{"no-such-program"}})
	if !shell.IsNotFound(err) || !strings.Contains(err.Error(), `"no-such-program" failed. exec: "no-such-program": executable file not found`) {
		t.Errorf("%v", err)
	}
}

func TestTimeLimitEndsTheWholeGroup(t *testing.T) {
	l, _ := local(t)
	start := time.Now()
	_, err := l.Run(t.Context(), shell.Command{Script: "sleep 60 & wait", Timeout: 50 * time.Millisecond})
	if err == nil || !strings.Contains(err.Error(), "ended after its time limit of 50ms") {
		t.Errorf("%v", err)
	}
	if time.Since(start) > 20*time.Second {
		t.Error("the command's child was waited for")
	}
}

func TestCancelledRunTellsWhy(t *testing.T) {
	l, _ := local(t)
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(errors.New("the platform ended it"))
	if _, err := l.Run(ctx, shell.Command{Script: "true"}); err == nil || !strings.Contains(err.Error(), "the platform ended it") {
		t.Errorf("%v", err)
	}
}

func TestMagento(t *testing.T) {
	c := shell.MagentoCommand("cache:flush", "", "-vvv", "")
	if got := shell.Line(c); got != "php ./bin/magento cache:flush --ansi --no-interaction -vvv" {
		t.Errorf("%s", got)
	}
}

func TestLine(t *testing.T) {
	c := shell.Command{Args: []string{"php", "--a=b", "--c=d e", "it's", "", "#&()"}}
	if got := shell.Line(c); got != `php --a='b' --c='d e' 'it'\''s' '' '#&()'` {
		t.Errorf("%s", got)
	}
}

func TestTheEndOfALongOutputIsKept(t *testing.T) {
	l, _ := local(t)
	r, err := l.Run(t.Context(), shell.Command{Script: "head -c 9000000 /dev/zero | tr '\\0' x; echo; echo end", Quiet: true})
	if err != nil || len(r.Stdout) > 8<<20 || !strings.HasSuffix(r.Stdout, "x\nend") {
		t.Errorf("%d bytes, %v", len(r.Stdout), err)
	}
}
