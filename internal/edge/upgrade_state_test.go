package edge

import (
	"os"
	"path/filepath"
	"testing"

	"sluice/internal/platform"
)

// testdata/upgrade/state-v2.json was written by the code of commit c53ed4b: a router that
// published r2, was configured and held requests for activity a1 until the year 2126. It is
// here to stay as it is.
func TestStateOfAnEarlierVersion(t *testing.T) {
	data, err := os.ReadFile(filepath.Join("testdata", "upgrade", "state-v2.json"))
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "state.json")
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	r := reopen(t, path)
	s := statusAt(t, r)
	if s.State != Held || s.Release != "r2" || s.Activity != "a1" || s.OnDeadline != platform.Maintain || s.Deadline.Year() != 2126 {
		t.Errorf("status %+v", s)
	}
	if saved, _, _ := r.known(testEnv).Record(); saved.Hold.Limit != 7 {
		t.Errorf("limit %d", saved.Hold.Limit)
	}
	if _, err := r.Resume(t.Context(), testEnv); err != nil {
		t.Fatal(err)
	}
	if s := statusAt(t, reopen(t, path)); s.State != Open || s.Release != "r2" {
		t.Errorf("after the hold: %+v", s)
	}
}
