package httpapi_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"

	"sluice/apiv1"
	"sluice/internal/httpapi"
	"sluice/internal/httpapi/httpapitest"
	"sluice/internal/platform"
)

var update = flag.Bool("update", false, "rewrite the answers in testdata")

func newHandler(p *httpapitest.Platform, log io.Writer) http.Handler {
	return httpapi.New(p.Ports(), testConfig(log))
}

func testConfig(log io.Writer) httpapi.Config {
	return httpapi.Config{
		Version:       "v1.2.3",
		PublicURL:     "https://sluice.test",
		BaseDomain:    "sites.sluice.test",
		SSH:           httpapi.SSH{Host: "ssh.sluice.test:2222", GitHost: "git.sluice.test:2222", HostKey: "ssh-ed25519 AAAA sluice\n"},
		RepositoryURL: func(project string) string { return "http://sluice.test/git/" + project + ".git" },
		Log:           slog.New(slog.NewTextHandler(log, nil)),
	}
}

// TestClientsOfAnAddress: a server without a name is reached too.
func TestClientsOfAnAddress(t *testing.T) {
	c := testConfig(io.Discard)
	c.SSH.Host, c.SSH.GitHost = "192.0.2.1:2222", "192.0.2.1:2222"
	got := answer(t, httpapi.New(httpapitest.New().Ports(), c), "GET /cli/config.yaml")
	for _, want := range []string{"domain_wildcards:\n    - 192.0.2.1\n  host", "host_keys:\n    - '[192.0.2.1]:2222 ssh-ed25519 AAAA sluice'\n  options", "git_domain: 192.0.2.1\n"} {
		if !strings.Contains(got, want) {
			t.Errorf("configuration %s has no %q", got, want)
		}
	}
}

// TestClientsWithoutSSH: the configuration is valid without a gateway, and repositories are
// pushed to over HTTP.
func TestClientsWithoutSSH(t *testing.T) {
	c := testConfig(io.Discard)
	c.SSH = httpapi.SSH{}
	h := httpapi.New(httpapitest.New().Ports(), c)
	got := answer(t, h, "GET /cli/config.yaml")
	if !strings.HasPrefix(got, "200 application/yaml") || !strings.Contains(got, "git_domain: sluice.test") || strings.Contains(got, "Port") {
		t.Errorf("configuration %s", got)
	}
	got = answer(t, h, "GET /projects/shop "+httpapitest.Admin)
	if !strings.Contains(got, `"url": "http://sluice.test/git/shop.git"`) {
		t.Errorf("project %s", got)
	}
	got = answer(t, h, "GET /projects/shop/environments/main "+httpapitest.Admin)
	if strings.Contains(got, "pf:ssh") {
		t.Errorf("environment %s offers SSH", got)
	}
}

var errorID = regexp.MustCompile(`internal error ([a-z2-7]{13})`)

// TestScenarios sends the requests of each file in testdata to one platform, in order, and
// compares the answers. A request is "METHOD PATH [TOKEN]" and an optional body.
func TestScenarios(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txtar")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) {
			runScenario(t, file)
		})
	}
}

func runScenario(t *testing.T, file string) {
	t.Helper()
	archive, err := txtar.ParseFile(file)
	if err != nil {
		t.Fatal(err)
	}
	p := httpapitest.New()
	seed(p)
	h := newHandler(p, io.Discard)
	out := &txtar.Archive{Comment: archive.Comment}
	for _, f := range archive.Files {
		name, isRequest := strings.CutSuffix(f.Name, ".request")
		if !isRequest {
			continue
		}
		got := answer(t, h, string(f.Data))
		want := ""
		for _, g := range archive.Files {
			if g.Name == name+".answer" {
				want = string(g.Data)
			}
		}
		if diff := cmp.Diff(want, got); diff != "" && !*update {
			t.Errorf("%s: answer (-want +got):\n%s", name, diff)
		}
		out.Files = append(out.Files, f, txtar.File{Name: name + ".answer", Data: []byte(got)})
	}
	if *update {
		if err := os.WriteFile(file, txtar.Format(out), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

func seed(p *httpapitest.Platform) {
	p.PlanFunc = func(project, env string, req apiv1.PlanRequest) (json.RawMessage, error) {
		return json.RawMessage(fmt.Sprintf(`{"project":%q,"environment":%q,"files":%d,"sources":%d}`, project, env, len(req.Files), len(req.Sources))), nil
	}
	p.AddActivity(platform.Activity{ID: "act-push-good", Commit: strings.Repeat("a", 40)}, "Building application 'app'", "Done")
	p.Finish("act-push-good", "success")
	p.AddActivity(platform.Activity{ID: "act-push-bad", Environment: "stage"}, "E: no")
	p.Finish("act-push-bad", "build")
	p.AddActivity(platform.Activity{ID: "act-cron", Type: platform.ActivityDeactivate, State: platform.ActivityInProgress, Step: platform.StepBuild})
	p.AddActivity(platform.Activity{ID: "act-held", State: platform.ActivityInProgress, Step: platform.StepHold, Environment: "stage"})
	p.AddActivity(platform.Activity{ID: "act-elsewhere", Project: "other"})
}

func answer(t *testing.T, h http.Handler, request string) string {
	t.Helper()
	line, body, _ := strings.Cut(request, "\n")
	fields := strings.Fields(line)
	r := httptest.NewRequestWithContext(t.Context(), fields[0], fields[1], strings.NewReader(body))
	if len(fields) > 2 {
		r.Header.Set("Authorization", "Bearer "+fields[2])
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	var b strings.Builder
	fmt.Fprintf(&b, "%d %s\n", w.Code, w.Header().Get("Content-Type"))
	if allow := w.Header().Get("Allow"); allow != "" {
		fmt.Fprintf(&b, "Allow: %s\n", allow)
	}
	var indented bytes.Buffer
	if json.Indent(&indented, w.Body.Bytes(), "", "  ") == nil {
		b.Write(indented.Bytes())
	} else {
		b.Write(w.Body.Bytes())
	}
	return strings.TrimRight(b.String(), "\n") + "\n"
}

// TestInternalErrorIsLoggedNotShown checks that the identifier in the answer leads to the
// cause in the log, and that the cause is only there.
func TestInternalErrorIsLoggedNotShown(t *testing.T) {
	for project, cause := range map[string]string{"broken": "/secret/place", "panics": "a mistake in the program"} {
		t.Run(project, func(t *testing.T) {
			var log bytes.Buffer
			h := newHandler(httpapitest.New(), &log)
			got := answer(t, h, "GET /api/projects/"+project+" "+httpapitest.Admin)
			found := errorID.FindStringSubmatch(got)
			if !strings.HasPrefix(got, "500 ") || found == nil {
				t.Fatalf("answer = %s, want 500 with an identifier", got)
			}
			id := found[1]
			if strings.Contains(got, cause) {
				t.Errorf("the answer shows the cause: %s", got)
			}
			if !strings.Contains(log.String(), id) || !strings.Contains(log.String(), cause) {
				t.Errorf("log = %s, want %s and %q", log.String(), id, cause)
			}
		})
	}
}

func TestRequestBodyIsBounded(t *testing.T) {
	h := newHandler(httpapitest.New(), io.Discard)
	huge := `{"id":"` + strings.Repeat("x", 2<<20) + `"}`
	got := answer(t, h, "POST /api/projects "+httpapitest.Admin+"\n"+huge)
	if !strings.HasPrefix(got, "400 ") || !strings.Contains(got, "larger than 1048576 bytes") {
		t.Errorf("answer = %.200s, want 400 that names the limit", got)
	}
}

// TestNoAnswerHoldsASensitiveValue asks for everything that could.
func TestNoAnswerHoldsASensitiveValue(t *testing.T) {
	h := newHandler(httpapitest.New(), io.Discard)
	for _, request := range []string{
		"GET /api/projects/shop/variables",
		"GET /api/projects/shop/variables/env:API_KEY",
		"GET /api/projects/shop/environments/stage/variables",
		"PATCH /api/projects/shop/variables/env:API_KEY",
		"POST /api/projects/shop/environments/stage/variables",
		"GET /api/projects/shop/environments/stage/variables/env:API_KEY",
	} {
		body := "\n" + `{"name":"env:API_KEY","value":"hunter2","is_sensitive":true}`
		got := answer(t, h, request+" "+httpapitest.Admin+body)
		if !strings.HasPrefix(got, "20") {
			t.Errorf("%s: answer = %s, want a success", request, got)
		}
		if strings.Contains(got, "hunter2") {
			t.Errorf("%s: the answer holds the value: %s", request, got)
		}
	}
}
