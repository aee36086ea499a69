package mariadb_test

import (
	"context"
	"errors"
	"io"
	"strings"
	"testing"

	"sluice/internal/platform"
	"sluice/internal/snapshot/mariadb"
)

// TestCopy: only a copy that the tool calls complete counts.
func TestCopy(t *testing.T) {
	for name, test := range map[string]struct {
		code int
		out  string
		err  error
		done bool
		want string // in the error; empty for none
	}{
		"complete":             {out: "[00] completed OK!\n", done: true},
		"another service":      {code: 99},
		"a failure":            {code: 1, out: strings.Repeat("x", 10000) + "no space", want: "exit status 1"},
		"an end in the middle": {out: "Copying ./ibdata1\n", want: "did not say"},
		"no container":         {err: errors.New("no such container"), want: "no such container"},
	} {
		t.Run(name, func(t *testing.T) {
			c := mariadb.Copier{Run: func(_ context.Context, _ platform.EnvironmentID, service string, command []string, out io.Writer) (int, error) {
				if service != "mysql" || command[len(command)-1] != ".sluice-copy/abc" {
					t.Errorf("ran %v in %s", command[len(command)-1], service)
				}
				_, _ = io.WriteString(out, test.out)
				return test.code, test.err
			}}
			done, err := c.Copy(t.Context(), "shop-main-abc", "mysql", ".sluice-copy/abc", io.Discard)
			if done != test.done || (err == nil) != (test.want == "") || err != nil && !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %v and error %v, want %v and %q", done, err, test.done, test.want)
			}
			if err != nil && len(err.Error()) > 3000 {
				t.Errorf("the error has %d bytes", len(err.Error()))
			}
		})
	}
}
