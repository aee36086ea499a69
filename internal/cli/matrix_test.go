package cli_test

import (
	"bytes"
	"fmt"
	"log/slog"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"sluice/internal/cli"
	"sluice/internal/httpapi"
	"sluice/internal/httpapi/httpapitest"
	"sluice/internal/platform"
)

// matrixArguments are what each command is tried with. ENV is an environment, of each type in turn;
// DIR is a directory with files.
func matrixArguments() map[string]string {
	return map[string]string{
		"activity:cancel": "ACTIVITY -y", "activity:get": "ACTIVITY", "activity:list": "-e ENV", "activity:log": "ACTIVITY -W",
		"backup:create": "-e ENV -W", "backup:delete": "b2 -e main -y -W", "backup:download": "b2 -e main -f DIR/out.tar -y", "backup:get": "b2 -e main",
		"backup:list": "-e ENV", "backup:restore": "b2 -e main --target ENV -y -W", "backup:verify": "b2 -e main -W",
		"cache:purge": "-e ENV", "certificate:add": "DIR/cert.pem DIR/key.pem", "certificate:delete": "ID -y", "certificate:get": "acme0123", "certificate:list": "",
		"db:dump": "-e ENV -o", "db:sql": "-e ENV SELECT", "domain:add": "new.example.com -W", "domain:delete": "www.example.com -y -W", "domain:get": "www.example.com",
		"domain:list": "", "domain:update": "www.example.com --default -W", "domain:verify": "www.example.com -W",
		"environment:activate": "-e ENV -W", "environment:branch": "new ENV -W", "environment:bypass": "-e ENV", "environment:deactivate": "-e ENV -y -W",
		"environment:delete": "ENV -y -W", "environment:http-access": "-e ENV", "environment:info": "-e ENV", "environment:list": "", "environment:logs": "-e ENV",
		"environment:merge": "ENV -y -W", "environment:pause": "-e ENV -y -W", "environment:redeploy": "-e ENV -y -W", "environment:relationships": "-e ENV",
		"environment:releases": "-e ENV", "environment:resume": "-e ENV -W", "environment:rollback": "-e ENV -y -W", "environment:scp": "-e ENV local:a remote:b",
		"environment:ssh": "-e ENV -- true", "environment:synchronize": "data -e ENV -y -W", "environment:url": "-e ENV",
		"environment:rehearse":      "-e ENV -W",
		"integration:activity:list": "hook1", "integration:add": "--url https://hooks.example.com/", "integration:delete": "hook1 -y", "integration:get": "hook1",
		"integration:list": "", "integration:update": "hook1 --events environment.push", "integration:validate": "hook1",
		"invitation:cancel": "new@example.com", "invitation:list": "", "invitation:resend": "new@example.com",
		"mount:download": "-e ENV -m var --target DIR/mount -y", "mount:list": "-e ENV", "mount:upload": "-e ENV -m var --source DIR/empty -y",
		"plan": "DIR/project -e ENV", "project:audit": "", "project:create": "mine", "project:delete": "shop -y", "project:info": "", "project:list": "--pipe",
		"project:set-remote": "shop", "ssh-key:add": "DIR/key.pub", "ssh-key:delete": "1", "ssh-key:list": "",
		"token:create": "new", "token:list": "", "token:revoke": "token-of-rita -y",
		"tunnel:close": "--all", "tunnel:info": "-e ENV", "tunnel:list": "--all", "tunnel:open": "-e ENV", "tunnel:single": "-e ENV",
		"user:add": "jo@example.com", "user:create": "jo@example.com", "user:delete": "rita@example.com -y", "user:get": "cora@example.com", "user:list": "",
		"user:update": "cora@example.com -r staging:viewer", "validate": "DIR/project", "version": "",
		"variable:create": "env:NEW --value x -e ENV -l environment", "variable:delete": "env:MODE -e stage -l environment -y", "variable:get": "env:MODE -e stage", "variable:list": "-e ENV",
		"variable:update": "env:MODE -e stage --value x", "auth:info": "", "auth:api-token-login": "", "auth:login": "", "auth:logout": "",
	}
}

// untried are the commands that the matrix leaves out, with the reason.
func untried() map[string]string {
	return map[string]string{
		"auth:browser-login":  "waits for a person",
		"auth:git-credential": "gives out the caller's own token",
		"environment:push":    "Git's server decides, branch by branch",
		"project:set-remote":  "changes the configuration of a checkout",
		"tunnel:close":        "ends programs of this machine",
		"tunnel:info":         "shows programs of this machine",
		"tunnel:list":         "shows programs of this machine",
		"tunnel:open":         "runs ssh, as environment:ssh does",
		"tunnel:single":       "runs ssh, as environment:ssh does",
		"help":                "asks no server",
	}
}

// forEverybody are the commands that need no role; for the first ones not even a log-in.
var (
	withoutLogin = []string{"auth:logout", "validate", "version"}
	forEverybody = []string{"auth:api-token-login", "auth:info", "auth:login", "project:list", "ssh-key:add", "ssh-key:delete", "ssh-key:list", "token:create", "token:list"}
)

const (
	strangerToken = "stranger-token"
	matrixKey     = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIDtqJ7zOtqQtYqOo0CpvDXNlMhV3HeJDpjrASKGLWdop"
)

// matrixEnvironments are one of each type, with an activity of it.
var matrixEnvironments = []struct{ letter, name, activity string }{
	{"p", "main", "act-of-main"}, {"s", "stage", "act-of-stage"}, {"d", "feature/x", "act-of-x"},
}

// TestEveryCommandWithEveryRole tries all commands with the tokens of all roles and writes down
// whom they serve: y, or p, s and d for production, staging and development. "?" is what nobody
// can do there, because of the state that it is in. A command that this test does not know
// fails it, and so does one that serves somebody who has no role.
func TestEveryCommandWithEveryRole(t *testing.T) {
	dir := matrixFiles(t)
	t.Setenv("PATH", filepath.Join(dir, "bin")+string(os.PathListSeparator)+os.Getenv("PATH")) //nolint:forbidigo // for ssh and scp
	roles := []string{"", strangerToken, httpapitest.Reader, httpapitest.Contributor, httpapitest.Owner, httpapitest.Admin}
	var b strings.Builder
	fmt.Fprintf(&b, "%-26s %-5s %-8s %-6s %-11s %-5s %s\n", "command", "none", "stranger", "viewer", "contributor", "owner", "admin")
	arguments, left := matrixArguments(), untried()
	for _, command := range cli.Commands() {
		if why := left[command]; why != "" {
			fmt.Fprintf(&b, "%-26s %s\n", command, "("+why+")")
			continue
		}
		args, ok := arguments[command]
		if !ok {
			t.Errorf("say in this test how %s is called", command)
			continue
		}
		cells := make([]string, len(roles))
		for i, token := range roles {
			cells[i] = serves(t, dir, command, args, token)
		}
		markStates(cells)
		if served := strings.Trim(cells[0], "-?") != ""; served != slices.Contains(withoutLogin, command) {
			t.Errorf("%s without a log-in: %s", command, cells[0])
		}
		if served := strings.Trim(cells[1], "-?") != ""; served != (slices.Contains(withoutLogin, command) || slices.Contains(forEverybody, command)) {
			t.Errorf("%s without a role: %s", command, cells[1])
		}
		if strings.Trim(cells[5], "?") == "" {
			_, output := runMatrix(t, dir, append([]string{command}, strings.Fields(strings.NewReplacer("DIR", dir, "ENV", "stage").Replace(args))...), httpapitest.Admin)
			t.Errorf("%s %s fails for an admin too: %s", command, args, output)
		}
		fmt.Fprintf(&b, "%-26s %-5s %-8s %-6s %-11s %-5s %s\n", command, cells[0], cells[1], cells[2], cells[3], cells[4], cells[5])
	}
	const file = "testdata/matrix/commands.txt" // testdata/*.txt are scripts
	if *update {
		check(t, os.WriteFile(file, []byte(b.String()), 0o644))
	}
	want, err := os.ReadFile(file)
	check(t, err)
	if diff := cmp.Diff(string(want), b.String()); diff != "" {
		t.Errorf("the matrix has changed; is that what you want? Then: go test ./internal/cli -run EveryCommand -update\n%s", diff)
	}
}

// markStates replaces, in the cells of a row, what is refused to the admin too.
func markStates(cells []string) {
	admin := cells[len(cells)-1]
	for i, cell := range cells {
		marked := []byte(cell)
		for at := range marked {
			if admin[at] == '-' {
				marked[at] = '?'
			}
		}
		cells[i] = string(marked)
	}
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// matrixFiles makes what commands read, and programs in place of those of OpenSSH.
func matrixFiles(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	cert, key := httpapitest.SelfSigned("www.example.com", "*.example.com")
	for name, text := range map[string]string{
		"cert.pem": cert, "key.pem": key, "a": "a", "bin/ssh": "#!/bin/sh\n", "bin/scp": "#!/bin/sh\n", "empty/.keep": "",
		"key.pub":                     matrixKey + " laptop\n",
		"container/.application.json": `{"mounts": {"/var": {"source": "local", "source_path": "var"}}}`, "container/var/a": "a",
		"project/.magento.app.yaml": "name: app\ntype: php:8.2\ndisk: 512\n", "project/.magento/services.yaml": "{}\n",
		"project/.magento/routes.yaml": "\"https://{default}/\":\n    type: upstream\n    upstream: \"app:http\"\n",
	} {
		path := filepath.Join(dir, name)
		check(t, os.MkdirAll(filepath.Dir(path), 0o700))
		check(t, os.WriteFile(path, []byte(text), 0o700))
	}
	return dir
}

// serves runs a command for a role, on one environment of each type where it is about one.
func serves(t *testing.T, dir, command, args, token string) string {
	t.Helper()
	if !strings.Contains(args, "ENV") && !strings.Contains(args, "ACTIVITY") {
		return servesAt(t, dir, command, args, token, "y")
	}
	var out strings.Builder
	for _, env := range matrixEnvironments {
		with := strings.NewReplacer("ENV", env.name, "ACTIVITY", env.activity).Replace(args)
		out.WriteString(servesAt(t, dir, command, with, token, env.letter))
	}
	return out.String()
}

func servesAt(t *testing.T, dir, command, args, token, yes string) string {
	t.Helper()
	line := append([]string{command}, strings.Fields(strings.ReplaceAll(args, "DIR", dir))...)
	status, output := runMatrix(t, dir, line, token)
	if status == cli.ExitOK {
		return yes
	}
	if strings.Contains(output, "panic") || strings.Contains(output, "internal error") {
		t.Errorf("%s with the token %q: %s", strings.Join(line, " "), token, output)
	}
	return "-"
}

// runMatrix runs a command on a platform of its own.
func runMatrix(t *testing.T, dir string, line []string, token string) (status int, output string) {
	t.Helper()
	p := httpapitest.New()
	p.RunFunc = container{filepath.Join(dir, "container")}.run
	p.PlanFunc = planOfTheSame
	p.AddUser("stranger", strangerToken)
	p.AddInvitation("invitation-1", "new@example.com", "sluice_invitation_x")
	for _, env := range matrixEnvironments {
		p.AddActivity(platform.Activity{ID: env.activity, Environment: env.name}, "Done")
	}
	ports := p.Ports()
	seedMatrix(t, ports, dir, line, token)
	server := httptest.NewServer(nil)
	defer server.Close()
	server.Config.Handler = httpapi.New(ports, httpapi.Config{
		PublicURL: server.URL, SSH: httpapi.SSH{Host: "ssh.example.com", GitHost: "git.example.com", HostKey: "ssh-ed25519 AAAAhostkey"},
		RepositoryURL: func(project string) string { return server.URL + "/" + project + ".git" }, Log: slog.New(slog.DiscardHandler),
	})
	home := t.TempDir()
	environ := []string{
		"SLUICE_URL=" + server.URL, "SLUICE_TOKEN=" + token, "SLUICE_PROJECT=shop", "HOME=" + home, "XDG_CONFIG_HOME=" + filepath.Join(home, "config"),
		"PATH=" + os.Getenv("PATH"), //nolint:forbidigo // programs are found there
	}
	stdin := token
	if line[0] == "user:create" {
		stdin = browserPassword
	}
	var out bytes.Buffer
	line = append([]string{line[0], "--quiet"}, line[1:]...)
	status = cli.Run(t.Context(), line, environ, strings.NewReader(stdin+"\n"), &out, &out)
	return status, out.String()
}

// seedMatrix makes what a command needs: a domain, a certificate, an SSH key of whoever has the
// token, an environment that is paused.
func seedMatrix(t *testing.T, ports httpapi.Ports, dir string, line []string, token string) {
	t.Helper()
	ctx := t.Context()
	admin, err := ports.Accounts.Authenticate(ctx, httpapitest.Admin)
	check(t, err)
	_, _, err = ports.Domains.AddDomain(ctx, admin, "shop", "www.example.com", false)
	check(t, err)
	_, err = ports.Integrations.AddIntegration(ctx, admin, "shop", platform.Webhook, platform.IntegrationChange{URL: new("https://hooks.example.com/first")})
	check(t, err)
	switch line[0] {
	case "ssh-key:delete":
		if me, err := ports.Accounts.Authenticate(ctx, token); err == nil {
			_, err = ports.Accounts.AddSSHKey(ctx, me, "laptop", matrixKey)
			check(t, err)
		}
	case "certificate:delete":
		made, err := ports.Certificates.AddCertificate(ctx, admin, matrixCertificate(t, dir))
		check(t, err)
		line[1] = made.ID
	case "environment:resume":
		if line[2] != "main" { // production is never paused
			_, err := ports.Deployments.Pause(ctx, "shop", line[2], admin.Actor)
			_ = err // one that does not run cannot be paused
		}
	}
}

// matrixCertificate reads the certificate of the files.
func matrixCertificate(t *testing.T, dir string) platform.Certificate {
	t.Helper()
	cert, err := os.ReadFile(filepath.Join(dir, "cert.pem"))
	check(t, err)
	key, err := os.ReadFile(filepath.Join(dir, "key.pem"))
	check(t, err)
	c, err := platform.NewCertificate("shop", string(cert), string(key), nil, time.Now())
	check(t, err)
	return c
}
