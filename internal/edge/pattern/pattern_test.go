package pattern

import (
	"errors"
	"fmt"
	"strings"
	"testing"
)

func TestGroupsOfBothEngines(t *testing.T) {
	for _, tt := range []struct {
		expr, text string
		backtracks bool
		want       []string // nil for no match
	}{
		{`^/old/(\d+)/(.*)$`, "/old/12/a", false, []string{"/old/12/a", "12", "a", ""}},
		{`^/(a)?b`, "/b", false, []string{"/b", "", ""}},
		{`^/x`, "/y", false, nil},
		{`^/(?!admin)([a-z]+)`, "/shop", true, []string{"/shop", "shop", ""}},
		{`^/(?!admin)`, "/admin", true, nil},
		{`^/(.)\1`, "/aa", true, []string{"/aa", "a"}},
	} {
		p, err := Compile(tt.expr)
		if err != nil {
			t.Fatal(err)
		}
		if p.Backtracks() != tt.backtracks {
			t.Errorf("%s backtracks: %v", tt.expr, p.Backtracks())
		}
		g, err := p.Find(nil, tt.text)
		if err != nil || (g == nil) != (tt.want == nil) {
			t.Errorf("%s on %q: %v, %v", tt.expr, tt.text, g, err)
			continue
		}
		for n, want := range tt.want {
			if got := g.Group(n); got != want {
				t.Errorf("%s on %q: group %d is %q, want %q", tt.expr, tt.text, n, got, want)
			}
		}
	}
	if _, err := Compile("(?<=a"); err == nil {
		t.Error("an expression that neither engine reads was accepted")
	}
}

// slow backtracks over all ways to cut the text into pieces; the lookahead keeps it from
// the linear engine.
func slow(t *testing.T, n int) *Pattern {
	t.Helper()
	p, err := Compile(fmt.Sprintf(`^(?!x)/(a|aa|aaa|a?a)+%d$`, n))
	if err != nil || !p.Backtracks() {
		t.Fatal(p, err)
	}
	return p
}

func TestPatternsOfOneRequestShareABudget(t *testing.T) {
	text := "/" + strings.Repeat("a", 200)
	b := Of(WithBudget(t.Context()))
	tried := 0
	for n := range 50 {
		p := slow(t, n)
		if _, err := p.Match(b, text); !errors.Is(err, ErrUndecided) {
			t.Fatal(err)
		}
		if p.slow > 0 {
			tried++
		}
	}
	// An attempt takes at least 5 ms, and each pattern has two: the third finds nothing left.
	if tried > 3 || b.left.Load() > 0 {
		t.Errorf("%d of 50 patterns were tried; %d ns left", tried, b.left.Load())
	}
	if Of(WithBudget(WithBudget(t.Context()))) == nil || Of(t.Context()) != nil {
		t.Error("budgets are not found in their context")
	}
}

func TestSlowPatternIsSwitchedOff(t *testing.T) {
	p := slow(t, 0)
	reports := 0
	p.OnSwitchedOff(func() { reports++ })
	text := "/" + strings.Repeat("a", 200)
	for range maxSlow {
		if p.SwitchedOff() {
			t.Fatal("switched off too early")
		}
		if _, err := p.Match(nil, text); !errors.Is(err, ErrUndecided) {
			t.Fatal(err)
		}
	}
	if !p.SwitchedOff() {
		t.Fatal("still on")
	}
	if reports != 1 {
		t.Errorf("reported %d times", reports)
	}
	if _, err := p.Match(nil, "/a0"); !errors.Is(err, ErrUndecided) {
		t.Errorf("a pattern that is switched off was tried: %v", err)
	}
}

func TestLongTextsAreNotLookedAt(t *testing.T) {
	for _, expr := range []string{`^a`, `^(?!b)a`} {
		p, err := Compile(expr)
		if err != nil {
			t.Fatal(err)
		}
		if ok, err := p.Match(nil, strings.Repeat("a", MaxText)); !ok || err != nil {
			t.Errorf("%s: %v, %v", expr, ok, err)
		}
		if _, err := p.Match(nil, strings.Repeat("a", MaxText+1)); !errors.Is(err, ErrUndecided) {
			t.Errorf("%s: %v", expr, err)
		}
	}
}
