package main

import (
	"errors"
	"testing"
)

func TestParseSize(t *testing.T) {
	for text, want := range map[string]int64{"512M": 512 << 20, "20G": 20 << 30} {
		if got, err := parseSize(text); err != nil || got != want {
			t.Errorf("%q: got %d and error %v, want %d", text, got, err, want)
		}
	}
	for _, text := range []string{"", "G", "20", "-1G", "0M", "1T", "99999999999G", "1.5G", "1 G"} {
		if got, err := parseSize(text); !errors.Is(err, errUsage) {
			t.Errorf("%q: got %d and error %v, want a mistake in the command line", text, got, err)
		}
	}
}
