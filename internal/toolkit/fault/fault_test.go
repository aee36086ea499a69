package fault_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"sluice/internal/toolkit/fault"
)

func TestTableIsSortedAndComplete(t *testing.T) {
	last := 0
	count := map[string]int{}
	for _, e := range fault.Entries() {
		if e.Code <= last {
			t.Errorf("%d comes after %d", e.Code, last)
		}
		last = e.Code
		if e.Title == "" || e.Suggestion == "" || e.Stage == "" || strings.HasPrefix(e.Title, " ") {
			t.Errorf("%+v", e)
		}
		if warns := e.Code > 1000; warns != (e.Type == fault.Warns) {
			t.Errorf("%d is of type %s", e.Code, e.Type)
		}
		count[e.Stage+" "+string(e.Type)]++
		if got, ok := fault.Lookup(e.Code); !ok || got != e {
			t.Errorf("Lookup(%d) = %+v, %t", e.Code, got, ok)
		}
	}
	want := map[string]int{
		"build critical": 25, "deploy critical": 40, "post-deploy critical": 9, "general critical": 8,
		"build warning": 8, "deploy warning": 31, "post-deploy warning": 4, "general warning": 1,
	}
	for kind, n := range want {
		if count[kind] != n {
			t.Errorf("%d %s codes, want %d", count[kind], kind, n)
		}
	}
	if _, ok := fault.Lookup(1); ok {
		t.Error("code 1 has an entry")
	}
}

func TestExitStatus(t *testing.T) {
	for _, c := range []struct {
		err  error
		want int
	}{
		{nil, 0},
		{errors.New("plain"), 1},
		{fault.New(0, "none"), 1},
		{fault.New(-5, "negative"), 1},
		{fault.New(2, "lowest"), 2},
		{fault.New(250, "highest"), 250},
		{fault.New(255, "limit"), 255},
		{fault.New(2028, "above"), 255},
		{fmt.Errorf("step: %w", fault.New(15, "wrapped")), 15},
		{fault.Wrap(16, fault.New(15, "inner")), 16},
	} {
		if got := fault.ExitStatus(c.err); got != c.want {
			t.Errorf("ExitStatus(%v) = %d, want %d", c.err, got, c.want)
		}
	}
}

func TestMessage(t *testing.T) {
	cause := errors.New("cause")
	for _, c := range []struct {
		err  error
		want string
	}{
		{&fault.Fault{Code: 15, Message: "100%"}, "100%"},
		{fault.New(15, "%d files", 3), "3 files"},
		{fault.Wrap(15, cause), "cause"},
		{&fault.Fault{Code: 131}, "The `crypt/key`  key value does not exist in the `./app/etc/env.php` file or the `CRYPT_KEY` cloud environment variable"},
		{&fault.Fault{Code: 9999}, "error 9999"},
	} {
		if got := c.err.Error(); got != c.want {
			t.Errorf("%q, want %q", got, c.want)
		}
	}
	if !errors.Is(fault.Wrap(15, cause), cause) || fault.Wrap(15, nil) != nil {
		t.Error("Wrap does not wrap")
	}
}

func TestParseLevel(t *testing.T) {
	for text, want := range map[string]fault.Level{"critical": fault.Critical, "Critical": fault.Critical, "500": fault.Critical, "250": fault.Notice, "debug": fault.Debug} {
		if got, err := fault.ParseLevel(text); err != nil || got != want {
			t.Errorf("ParseLevel(%q) = %v, %v", text, got, err)
		}
	}
	want := `Level "x" is not defined, use one of: debug, info, notice, warning, error, critical, alert, emergency`
	if _, err := fault.ParseLevel("x"); err == nil || err.Error() != want {
		t.Errorf("%v", err)
	}
	if got := fault.Level(7).String(); got != "level(7)" {
		t.Errorf("%s", got)
	}
}
