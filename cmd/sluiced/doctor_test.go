package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"sluice/internal/doctor"
)

// TestDoctorReadsTheSettingsOfTheService: what systemd gives to serve counts, and what the
// shell says counts more.
func TestDoctorReadsTheSettingsOfTheService(t *testing.T) {
	dir := t.TempDir()
	settings := filepath.Join(dir, "sluiced.env")
	text := "# comment\n#SLUICED_MIRROR=http://127.0.0.1:1/x\nSLUICED_DATA_DIR=\"" + dir + "\"\nSLUICED_BASE_DOMAIN=file.invalid\nSLUICED_MIN_FREE=1125899906842624\nSLUICED_MIRROR=http://127.0.0.1:1\n"
	if err := os.WriteFile(settings, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	var out, errs bytes.Buffer
	env := map[string]string{"SLUICED_SETTINGS": settings, "SLUICED_BASE_DOMAIN": "shell.invalid", "SLUICED_DOCKER_HOST": "unix://" + dir + "/none"}
	err := doctorCommand(t.Context(), []string{"--json", "--acme-directory", "http://127.0.0.1:1"}, env, &out, &errs)
	if !errors.Is(err, errUnfit) {
		t.Fatalf("%v\n%s", err, errs.String())
	}
	var results []doctor.Result
	if err := json.Unmarshal(out.Bytes(), &results); err != nil {
		t.Fatal(err)
	}
	want := map[string]string{"disk": "make room", "DNS": "*.shell.invalid", "engine": "docker.io", "mirror": "--mirror"}
	for _, r := range results {
		if next := want[r.Check]; next != "" {
			delete(want, r.Check)
			if r.Status != doctor.Failure || !strings.Contains(r.Next, next) {
				t.Errorf("%+v, want next %s", r, next)
			}
		}
	}
	if len(want) > 0 {
		t.Errorf("missing: %v", want)
	}
}
