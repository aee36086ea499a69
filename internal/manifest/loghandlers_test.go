package manifest

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestHandlers(t *testing.T) {
	env, found := ParseEnv(tree(envFile, `
log:
  slack: {token: xoxp, channel: ops, min_level: INFO}
  email: {to: [a@example.com, b@example.com], from: shop@example.com}
  syslog: {ident: shop, facility: 16}
  syslog_udp: {host: log.example.com, port: "1514", min_level: error}
  gelf:
    min_level: warning
    use_default_formatter: true
    additional: {project: shop, app_id: 7, tags: [a, b]}
    transport:
      udp: {host: graylog.example.com, port: 12202}
`))
	if len(found) > 0 {
		t.Fatal(found)
	}
	want := LogHandlers{
		Slack:     &SlackHandler{Level: "info", Token: "xoxp", Channel: "ops", Username: "Slack Log Notifier"},
		Email:     &EmailHandler{To: []string{"a@example.com", "b@example.com"}, From: "shop@example.com", Subject: "Log from Magento Cloud"},
		Syslog:    &SyslogHandler{Ident: "shop", Facility: 16},
		SyslogUDP: &SyslogHandler{Level: "error", Ident: "php", Facility: 8, Host: "log.example.com", Port: 1514},
		GELF: &GELFHandler{
			Level: "warning", DefaultFormatter: true, Additional: map[string]string{"project": "shop", "app_id": "7", "tags": `["a","b"]`},
			Transport: "udp", Host: "graylog.example.com", Port: 12202, Timeout: 60, ChunkSize: 1024,
		},
	}
	if diff := cmp.Diff(want, env.Handlers()); diff != "" {
		t.Errorf("handlers (-want +got):\n%s", diff)
	}
	for _, e := range []*EnvFile{nil, {}, {Log: map[string]any{"slack": "x", "gelf": []any{}}}} {
		if diff := cmp.Diff(LogHandlers{}, e.Handlers()); diff != "" {
			t.Errorf("handlers of %v (-want +got):\n%s", e, diff)
		}
	}
}
