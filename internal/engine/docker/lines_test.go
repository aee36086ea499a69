package docker

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

func TestTailKeepsTheEnd(t *testing.T) {
	var got tail
	for i := range 100 {
		if _, err := fmt.Fprintf(&got, "line %d\r\n", i); err != nil {
			t.Fatal(err)
		}
	}
	for _, part := range []string{strings.Repeat("x", 10_000) + "\nunfin", "ished"} {
		if _, err := got.Write([]byte(part)); err != nil {
			t.Fatal(err)
		}
	}
	lines := got.lines()
	if len(lines) != tailLines || lines[0] != "line 82" || lines[19] != "unfinished" || len(lines[18]) != tailLineMax {
		t.Errorf("got %d lines from %q to %q", len(lines), lines[0], lines[len(lines)-1])
	}
}

func TestRedactHidesWordsOfTheSetup(t *testing.T) {
	got := redact([]string{"near 'IDENTIFIED BY 'Zm9vYmFyYmF6cXV4'", "fine"}, "CREATE USER a IDENTIFIED BY 'Zm9vYmFyYmF6cXV4';")
	if want := []string{"near 'IDENTIFIED BY '[hidden]'", "fine"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}
