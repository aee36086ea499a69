package cli_test

import (
	"archive/tar"
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/cgi"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"sluice/apiv1"
	"sluice/internal/catalog"
	"sluice/internal/cli"
	"sluice/internal/httpapi"
	"sluice/internal/httpapi/httpapitest"
	"sluice/internal/manifest"
	"sluice/internal/plan"
	"sluice/internal/platform"
)

var update = flag.Bool("update", false, "rewrite the files that scripts compare with")

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){
		"sluice": func() {
			//nolint:forbidigo // this is a main function: that of the program in the scripts
			os.Exit(cli.Run(context.Background(), os.Args[1:], os.Environ(), os.Stdin, os.Stdout, os.Stderr))
		},
		"browser": browser,
		"expire":  expire,
	})
}

// TestScripts runs the command line of testdata/*.txtar against a server of its own each:
// the real API over an in-memory platform, and git's own HTTP server beside it.
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata",
		RequireExplicitExec: true,
		UpdateScripts:       *update,
		Setup:               func(env *testscript.Env) error { return setup(t.Context(), env) },
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"status":  status,
			"hostile": hostile,
		},
	})
}

func setup(ctx context.Context, env *testscript.Env) error {
	p := httpapitest.New()
	p.RunFunc = container{filepath.Join(env.WorkDir, "container")}.run
	p.PlanFunc = planOfTheSame
	seed(p)
	server := httptest.NewUnstartedServer(nil)
	base := "http://" + server.Listener.Addr().String()
	repositories := filepath.Join(env.WorkDir, "repositories")
	mux := http.NewServeMux()
	mux.Handle("/", httpapi.New(p.Ports(), httpapi.Config{
		Version:       "v1.2.3",
		PublicURL:     base,
		SSH:           httpapi.SSH{Host: "ssh.example.com:2222", GitHost: "git.example.com", HostKey: "ssh-ed25519 AAAAhostkey"},
		RepositoryURL: func(project string) string { return base + "/git/" + project + ".git" },
		Log:           slog.New(slog.NewTextHandler(os.Stderr, nil)),
	}))
	git, err := gitHandler(ctx, repositories)
	if err != nil {
		return err
	}
	mux.Handle("/git/", git)
	server.Config.Handler = mux
	server.Start()
	env.Defer(server.Close)
	for name, value := range map[string]string{
		"SLUICE_URL": base, "SLUICE_TOKEN": httpapitest.Admin, "SLUICE_PROJECT": "shop", "SERVER": base, "PORT": base[strings.LastIndexByte(base, ':')+1:],
		"HOME": env.WorkDir, "XDG_CONFIG_HOME": filepath.Join(env.WorkDir, "config"), "COLUMNS": "100",
		"GIT_AUTHOR_NAME": "Jane", "GIT_AUTHOR_EMAIL": "jane@example.com",
		"GIT_COMMITTER_NAME": "Jane", "GIT_COMMITTER_EMAIL": "jane@example.com",
		"GIT_CONFIG_NOSYSTEM": "1",
	} {
		env.Setenv(name, value)
	}
	if err := writeCertificates(filepath.Join(env.WorkDir, "tls")); err != nil {
		return err
	}
	return os.MkdirAll(repositories, 0o755)
}

// writeCertificates makes a certificate, its key and another one's key for the scripts.
func writeCertificates(dir string) error {
	cert, key := httpapitest.SelfSigned("www.example.com", "*.example.com")
	_, other := httpapitest.SelfSigned("www.example.com")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	for name, text := range map[string]string{"cert.pem": cert, "key.pem": key, "other-key.pem": other} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			return err
		}
	}
	return nil
}

// seed makes one activity for each way to end; the hook of the push script names them.
func seed(p *httpapitest.Platform) {
	for _, outcome := range []string{"success", "build", "deploy", "post-deploy", "cancelled"} {
		id := "act" + (strings.ReplaceAll(outcome, "-", "") + "0000000000")[:10]
		p.AddActivity(platform.Activity{ID: id, Commit: strings.Repeat("a", 40)}, "Building application 'app'", "  Executing build hook...", "W: slow")
		p.Finish(id, outcome)
	}
	p.AddActivity(platform.Activity{
		ID: "actrunning000", State: platform.ActivityInProgress, Step: platform.StepBuild, Environment: "stage", Type: platform.ActivityRedeploy,
		Description: "Jane Doe redeployed stage",
	}, "Building")
}

// gitHandler serves repositories as the real server does, with the token as the password.
func gitHandler(ctx context.Context, root string) (http.Handler, error) {
	path, err := exec.CommandContext(ctx, "git", "--exec-path").Output()
	if err != nil {
		return nil, fmt.Errorf("find git's HTTP server: %w", err)
	}
	backend := &cgi.Handler{
		Path:   filepath.Join(strings.TrimSpace(string(path)), "git-http-backend"),
		Root:   "/git",
		Env:    []string{"GIT_PROJECT_ROOT=" + root, "GIT_HTTP_EXPORT_ALL=1", "REMOTE_USER=jane"},
		Stderr: io.Discard,
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if _, password, _ := r.BasicAuth(); password != httpapitest.Admin {
			w.Header().Set("WWW-Authenticate", `Basic realm="sluice"`)
			http.Error(w, "token required", http.StatusUnauthorized)
			return
		}
		backend.ServeHTTP(w, r)
	}), nil
}

// container is what the in-memory platform runs commands in: a small set of them, and real
// programs of files on the directory that stands for /app.
type container struct{ app string }

func (c container) run(ctx context.Context, argv []string, _ bool, stdin io.Reader, stdout, stderr io.Writer) (int, error) {
	switch argv[0] {
	case "cat":
		_, err := io.Copy(stdout, stdin)
		return 0, err
	case "false":
		_, err := io.WriteString(stderr, "it is false\n")
		return 42, err
	case "printenv":
		app, err := os.ReadFile(filepath.Join(c.app, ".application.json"))
		_, _ = fmt.Fprintln(stdout, base64.StdEncoding.EncodeToString(app))
		return 0, err
	case "tar", "find", "xargs":
		return c.exec(ctx, argv, stdin, stdout, stderr)
	case "mariadb-dump":
		_, _ = fmt.Fprintf(stdout, "-- %s\n", strings.Join(argv, "|"))
		if argv[2] == "gone" {
			_, err := io.WriteString(stderr, "mariadb-dump: Got error: 1049\n")
			return 2, err
		}
		return 0, nil
	}
	_, err := fmt.Fprintln(stdout, strings.Join(argv, "|"))
	return 0, err
}

func (c container) exec(ctx context.Context, argv []string, stdin io.Reader, stdout, stderr io.Writer) (int, error) {
	if hostile := filepath.Join(c.app, "hostile.tar"); argv[0] == "tar" && argv[1] == "--create" {
		if data, err := os.ReadFile(hostile); err == nil {
			_, err = stdout.Write(data)
			return 0, err
		}
	}
	args := append([]string{}, argv[1:]...)
	for i, arg := range args {
		args[i] = strings.Replace(arg, "/app/", c.app+"/", 1)
	}
	cmd := exec.CommandContext(ctx, argv[0], args...)
	if argv[0] == "xargs" {
		data, err := io.ReadAll(stdin)
		if err != nil {
			return 0, err
		}
		stdin = strings.NewReader(strings.ReplaceAll(string(data), "/app/", c.app+"/"))
	}
	cmd.Stdin, cmd.Stdout, cmd.Stderr = stdin, stdout, stderr
	err := cmd.Run()
	if e, ok := errors.AsType[*exec.ExitError](err); ok {
		return e.ExitCode(), nil
	}
	return 0, err
}

// planOfTheSame compares a push with the same configuration over other files; the digest of
// the files is among the findings.
func planOfTheSame(project, env string, req apiv1.PlanRequest) (json.RawMessage, error) {
	tree, err := manifest.Tree(req.Files)
	if err != nil {
		return nil, err
	}
	m, found := manifest.Parse(tree, manifest.Options{Catalog: catalog.Default(), Bare: true})
	found = append(found, manifest.Diagnostic{Severity: manifest.SeverityNotice, Rule: "digest", Message: req.Sources["app"]})
	sources := map[string]plan.Source{}
	if digest := req.Sources["app"]; digest != "" {
		sources["app"] = plan.Source{Current: "other", Pushed: digest}
	}
	p, err := plan.Make(plan.Input{
		Project: platform.Project{ID: project}, Environment: platform.Environment{Name: env, Release: "r12", Status: platform.EnvironmentActive},
		Catalog: catalog.Default(), Current: m, Pushed: m, Findings: found,
		Sources: sources, Holds: []time.Duration{3 * time.Second, 2 * time.Second},
	})
	if err != nil {
		return nil, err
	}
	return json.Marshal(p)
}

// status runs a program and checks its exit status: "status 3 sluice project:list".
func status(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: status STATUS PROGRAM ARGS...")
	}
	got := "0"
	if err := ts.Exec(args[1], args[2:]...); err != nil {
		e, ok := errors.AsType[*exec.ExitError](err)
		if !ok {
			ts.Fatalf("%v", err)
		}
		got = strconv.Itoa(e.ExitCode())
	}
	if got != args[0] {
		ts.Fatalf("exit status = %s, want %s\nstdout:\n%s\nstderr:\n%s", got, args[0], ts.ReadFile("stdout"), ts.ReadFile("stderr"))
	}
}

// hostile makes the container send an archive with one entry of a kind and name:
// "hostile file ../x", "hostile link x /etc/passwd", "hostile none" for the real files.
func hostile(ts *testscript.TestScript, _ bool, args []string) {
	file := ts.MkAbs("container/hostile.tar")
	if args[0] == "none" {
		ts.Check(os.Remove(file))
		return
	}
	var data bytes.Buffer
	w := tar.NewWriter(&data)
	header := &tar.Header{Name: args[1], Mode: 0o4777, Typeflag: tar.TypeReg, Size: 4}
	if args[0] == "link" {
		header = &tar.Header{Name: args[1], Linkname: args[2], Typeflag: tar.TypeSymlink}
		ts.Check(w.WriteHeader(header))
		header = &tar.Header{Name: args[1] + "/through", Mode: 0o644, Typeflag: tar.TypeReg, Size: 4}
	}
	ts.Check(w.WriteHeader(header))
	_, err := w.Write([]byte("evil"))
	ts.Check(errors.Join(err, w.Close(), os.WriteFile(file, data.Bytes(), 0o600)))
}
