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

// audited is a request that has to be accounted for, and the action that the log names.
type audited struct {
	request string
	body    string
	action  access.Permission
}

func auditedRequests() []audited {
	return []audited{
		{"POST /api/tokens", `{"name":"ci","scopes":["shop:viewer"]}`, access.TokenManage},
		{"DELETE /api/tokens/rita", "", access.TokenManage},
		{"POST /api/projects", `{"id":"new-shop"}`, access.ProjectCreate},
		{"DELETE /api/projects/other", "", access.ProjectDelete},
		{"POST /api/projects/shop/variables", `{"name":"env:X","value":"hunter2"}`, access.ProjectVarsChange},
		{"PATCH /api/projects/shop/variables/env:MODE", `{"value":"hunter2"}`, access.ProjectVarsChange},
		{"DELETE /api/projects/shop/variables/env:MODE", "", access.ProjectVarsChange},
		{"POST /api/projects/shop/environments/stage/variables", `{"name":"env:X","value":"hunter2"}`, access.VariablesChange},
		{"DELETE /api/projects/shop/environments/stage/variables/env:MODE", "", access.VariablesChange},
		{"POST /api/projects/shop/domains", `{"name":"www.example.com"}`, access.DomainManage},
		{"POST /api/projects/shop/integrations", `{"type":"webhook","url":"https://example.com/hunter2","shared_key":"hunter2"}`, access.IntegrationManage},
		{"PATCH /api/projects/shop/environments/stage", `{"http_access":{"basic_auth":{"jo":"hunter2-hunter2"}}}`, access.EnvironmentEdit},
		{"POST /api/projects/shop/environments/stage/bypass", `{}`, access.Bypass},
		{"POST /api/projects/shop/environments/stage/deactivate", "", access.Deactivate},
	}
}

func TestChangesAreInTheAuditLog(t *testing.T) {
	for _, test := range auditedRequests() {
		t.Run(test.request, func(t *testing.T) {
			p := httpapitest.New()
			h := newHandler(p, io.Discard)
			if got := answer(t, h, test.request+" "+httpapitest.Admin+"\n"+test.body); !strings.HasPrefix(got, "20") {
				t.Fatalf("answer = %s", got)
			}
			entries, err := p.Audit(t.Context(), platform.AuditFilter{})
			if err != nil || len(entries) != 1 || entries[0].Action != string(test.action) || entries[0].Actor.ID != "jane" {
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
		if got := answer(t, h, request+" "+httpapitest.Admin+"\n"+`{"title":"New"}`); !strings.HasPrefix(got, "503 ") {
			t.Errorf("%s: answer = %s", request, got)
		}
	}
	if list, err := p.Activities(t.Context(), platform.ActivityFilter{}); err != nil || len(list) != 0 {
		t.Errorf("started %+v, %v", list, err)
	}
}
