package httpapi_test

import (
	"context"
	"io"
	"net/http/httptest"
	"strings"
	"testing"

	"sluice/apiv1"
	"sluice/internal/access"
	"sluice/internal/httpapi"
	"sluice/internal/httpapi/httpapitest"
	"sluice/internal/platform"
)

// auditedRequests are the requests that have to be accounted for, with the action that
// the log names.
func auditedRequests() map[string]access.Permission {
	return map[string]access.Permission{
		"POST /api/tokens\n" + `{"name":"ci","scopes":["shop:viewer"]}`: access.TokenManage,
		"DELETE /api/tokens/rita":                                                                                   access.TokenManage,
		"POST /api/projects\n" + `{"id":"new-shop"}`:                                                                access.ProjectCreate,
		"DELETE /api/projects/other":                                                                                access.ProjectDelete,
		"POST /api/projects/shop/variables\n" + `{"name":"env:X","value":"hunter2"}`:                                access.ProjectVarsChange,
		"PATCH /api/projects/shop/variables/env:MODE\n" + `{"value":"hunter2"}`:                                     access.ProjectVarsChange,
		"DELETE /api/projects/shop/variables/env:MODE":                                                              access.ProjectVarsChange,
		"POST /api/projects/shop/environments/stage/variables\n" + `{"name":"env:X","value":"hunter2"}`:             access.VariablesChange,
		"DELETE /api/projects/shop/environments/stage/variables/env:MODE":                                           access.VariablesChange,
		"POST /api/projects/shop/domains\n" + `{"name":"www.example.com"}`:                                          access.DomainManage,
		"PATCH /api/projects/shop/environments/stage\n" + `{"http_access":{"basic_auth":{"jo":"hunter2-hunter2"}}}`: access.EnvironmentEdit,
		"POST /api/projects/shop/environments/stage/bypass\n{}":                                                     access.Bypass,
		"POST /api/projects/shop/environments/stage/deactivate":                                                     access.Deactivate,
	}
}

func TestWhatHasToBeAccountedForIsInTheAuditLog(t *testing.T) {
	for request, action := range auditedRequests() {
		name, body, _ := strings.Cut(request, "\n")
		t.Run(name, func(t *testing.T) {
			p := httpapitest.New()
			h := newHandler(p, io.Discard)
			if got := answer(t, h, name+" "+httpapitest.Admin+"\n"+body); !strings.HasPrefix(got, "20") {
				t.Fatalf("answer = %s", got)
			}
			entries, err := p.Audit(t.Context(), platform.AuditFilter{})
			if err != nil || len(entries) != 1 || entries[0].Action != string(action) || entries[0].Actor.ID != "jane" {
				t.Fatalf("the audit log has %+v, %v", entries, err)
			}
			if strings.Contains(entries[0].Detail, "hunter2") {
				t.Errorf("the audit log shows a value: %+v", entries[0])
			}
		})
	}
}

// TestRunCommandsAreInTheAuditLog: with the program, but without arguments that may be secret.
func TestRunCommandsAreInTheAuditLog(t *testing.T) {
	p := httpapitest.New()
	p.RunFunc = func(context.Context, []string, bool, io.Reader, io.Writer, io.Writer) (int, error) { return 0, nil }
	server := httptest.NewServer(newHandler(p, io.Discard))
	defer server.Close()
	client, err := apiv1.NewClient(server.URL, httpapitest.Admin, apiv1.Options{})
	if err != nil {
		t.Fatal(err)
	}
	for _, argv := range [][]string{nil, {"mysql -phunter2"}, {"mysql", "-phunter2"}} {
		if _, err := client.Exec(t.Context(), "shop", "main", apiv1.ExecCommand{Argv: argv}, apiv1.ExecStreams{Stdout: io.Discard, Stderr: io.Discard}); err != nil {
			t.Fatal(err)
		}
	}
	entries, err := p.Audit(t.Context(), platform.AuditFilter{})
	if err != nil || len(entries) != 3 {
		t.Fatalf("the audit log has %+v, %v", entries, err)
	}
	for i, want := range []string{"mysql", "mysql", "shell"} {
		if e := entries[i]; e.Detail != want || e.Action != string(access.Exec) || e.Environment != "main" {
			t.Errorf("entry %+v, want %s", e, want)
		}
	}
}

// brokenGate cannot write the audit log.
type brokenGate struct{ httpapi.Gate }

func (brokenGate) Record(context.Context, access.Subject, access.Permission, string, string, string) error {
	return platform.Errorf(platform.CodeUnavailable, "the disk is full")
}

func TestNothingHappensThatCannotBeRecorded(t *testing.T) {
	p := httpapitest.New()
	ports := p.Ports()
	ports.Gate = brokenGate{ports.Gate}
	h := httpapi.New(ports, httpapi.Config{})
	for _, request := range []string{
		"POST /api/projects/shop/environments/stage/deactivate",
		"PATCH /api/projects/shop/environments/stage",
		"POST /api/projects/shop/environments/stage/bypass",
	} {
		if got := answer(t, h, request+" "+httpapitest.Admin+"\n{}"); !strings.HasPrefix(got, "503 ") {
			t.Errorf("%s: answer = %s", request, got)
		}
	}
	if list, err := p.Activities(t.Context(), platform.ActivityFilter{}); err != nil || len(list) != 0 {
		t.Errorf("started %+v, %v", list, err)
	}
}
