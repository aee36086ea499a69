package main

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
)

//go:embed expected.json
var expectedJSON []byte

// outcome is what a suite said: how many checks ran, and the ones that failed with the
// suite's own words.
type outcome struct {
	ran    int
	failed map[string]string
}

// expectations reads expected.json: suite -> check -> why it fails.
func expectations() (map[string]map[string]string, error) {
	var want map[string]map[string]string
	if err := json.Unmarshal(expectedJSON, &want); err != nil {
		return nil, fmt.Errorf("expected.json: %w", err)
	}
	return want, nil
}

// report prints a suite's result and says whether it is the expected one.
func report(w io.Writer, suite string, got outcome, want map[string]string) bool {
	say := func(format string, args ...any) { _, _ = fmt.Fprintf(w, format, args...) }
	say("%s: %d of %d passed, %d failures expected\n", suite, got.ran-len(got.failed), got.ran, len(want))
	same := true
	for _, check := range slices.Sorted(maps.Keys(got.failed)) {
		if reason, ok := want[check]; ok {
			say("  expected    %s: %s\n", check, reason)
			continue
		}
		same = false
		say("  UNEXPECTED  %s: %s\n", check, got.failed[check])
	}
	for _, check := range slices.Sorted(maps.Keys(want)) {
		if _, failed := got.failed[check]; !failed {
			same = false
			say("  PASSES NOW  %s: remove it from expected.json\n", check)
		}
	}
	return same
}
