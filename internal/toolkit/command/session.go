package command

import (
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"time"

	"sluice/internal/contract"
	"sluice/internal/manifest"
	"sluice/internal/toolkit/database"
	"sluice/internal/toolkit/fault"
	"sluice/internal/toolkit/journal"
	"sluice/internal/toolkit/kit"
	"sluice/internal/toolkit/phpfile"
	"sluice/internal/toolkit/shell"
	"sluice/internal/toolkit/stage"
	"sluice/internal/toolkit/tree"
)

// session is one command's kit and what must be closed after it.
type session struct {
	*kit.Kit
	process   Process
	config    *manifest.EnvFile // nil when there is no file
	variables *stage.Variables
	databases *database.Pool
}

// options are what commands want of their session.
type options struct {
	// phase is a command that runs a scenario: it logs from the start, joins the logs of
	// the build, and prints progress lines.
	phase bool
	stage string // of a phase: what its scenario belongs to; "" when that is not known
	quiet bool   // nothing is logged to stdout
	// nested is a step within a PHP class: its log goes to the scenario's, by stdout.
	nested bool
	level  fault.Level
}

// open builds the kit.
func open(ctx context.Context, p Process, o options) (*session, error) {
	t, err := tree.Open(p.root())
	if err != nil {
		return nil, err
	}
	s := &session{process: p}
	s.config, err = readConfig(t, o)
	if err != nil {
		return nil, err
	}
	facts, err := platform(p, t, s.config)
	if err != nil {
		return nil, err
	}
	s.variables, err = stage.New(s.config, facts.Variables)
	if err != nil {
		return nil, err
	}
	stages := kit.Stages{
		Global: in(s.variables, manifest.StageGlobal), Build: in(s.variables, manifest.StageBuild),
		Deploy: in(s.variables, manifest.StageDeploy), PostDeploy: in(s.variables, manifest.StagePostDeploy),
	}
	redactor := &journal.Redactor{}
	redactor.Add(secrets(p, facts)...)
	client := httpClient()
	log, err := newLogger(s, t, stages, redactor, client, o)
	if err != nil {
		return nil, err
	}
	runner := &shell.Local{Dir: t.Dir(), Env: p.Env, Log: log, Redactor: redactor}
	s.Kit = &kit.Kit{
		Tree: t, Log: log, Stages: stages, Platform: facts, Env: p.env, HTTP: client, Now: time.Now,
		Shell: runner, PHP: phpfile.ByPHP(ctx, runner), Progress: progress(p, o),
	}
	s.databases = database.For(s.Kit)
	if s.Databases = p.Databases; s.Databases == nil {
		s.Databases = s.databases
	}
	return s, prepare(t, o)
}

func in(v *stage.Variables, name string) kit.Stage { return kit.Stage{Source: v.In(name)} }

// close ends the log and releases the tree.
func (s *session) close() {
	_ = s.databases.Close() // a command that ends has no more to ask
	s.Log.Close()
	_ = s.Tree.Close() // it was only read through
}

// prepare brings back what Composer's autoloader needs when app/etc is an empty mount, and the logs of the build.
func prepare(t *tree.Tree, o options) error {
	if !o.phase {
		return nil
	}
	for _, name := range []string{"app/etc/registration_globlist.php", "app/etc/NonComposerComponentRegistration.php"} {
		saved := tree.Init + "/" + name
		if t.Exists(name) || !t.Exists(saved) {
			continue
		}
		if err := t.CopyFile(saved, name); err != nil {
			return fmt.Errorf("%s could not be restored from the build: %w", name, err)
		}
	}
	return journal.Join(t, tree.CloudLog, tree.BuildCloudLog, tree.ErrorLog, tree.BuildErrorLog)
}

// progress prints the lines of the contract for the platform; people at a terminal and
// commands that are not phases have no use for them.
func progress(p Process, o options) kit.Progress {
	if !o.phase || p.Terminal {
		return silent{}
	}
	held, _ := p.env(contract.HoldVariable)
	return kit.NewLines(p.Stdout, "sluice-toolkit "+cmp.Or(p.Version, "devel"), kit.AwaitFile(held))
}

type silent struct{}

func (silent) Step(string)  {}
func (silent) Touch(string) {}
func (silent) Data(string)  {}

// secrets are values that must not be logged: passwords of the services and variables
// whose names say what they are.
func secrets(p Process, facts *kit.Platform) []string {
	var out []string
	for _, name := range facts.Relationships.Keys() {
		for _, i := range facts.Relationships.Sub(name).Keys() {
			endpoint := facts.Relationships.Sub(name, i)
			if password := endpoint.Text("password"); password != endpoint.Text("username") && password != endpoint.Text("path") {
				out = append(out, password)
			}
		}
	}
	for _, name := range facts.Variables.Keys() {
		if isSecret(name) {
			out = append(out, facts.Variables.Text(name))
		}
	}
	for _, pair := range p.Env {
		if name, v, _ := strings.Cut(pair, "="); isSecret(name) {
			out = append(out, v)
		}
	}
	return out
}

func isSecret(name string) bool {
	name = strings.ToUpper(name)
	for _, word := range []string{"PASSWORD", "SECRET", "TOKEN", "CRYPT_KEY", "API_KEY", "PRIVATE_KEY"} {
		if strings.Contains(name, word) {
			return true
		}
	}
	return false
}

// httpClient trusts what the machine trusts, and the platform's own authority where the
// shop's routes have certificates of it.
func httpClient() *http.Client {
	client := &http.Client{Timeout: 2 * time.Minute}
	own, err := os.ReadFile(contract.AuthorityFile)
	if err != nil {
		return client
	}
	roots, err := x509.SystemCertPool()
	if err != nil {
		roots = x509.NewCertPool()
	}
	if transport, ok := http.DefaultTransport.(*http.Transport); ok && roots.AppendCertsFromPEM(own) {
		transport = transport.Clone()
		transport.TLSClientConfig = &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}
		client.Transport = transport
	}
	return client
}

// hostname is what messages to other machines say of this one.
func hostname() string {
	name, err := os.Hostname()
	if err != nil {
		return ""
	}
	return name
}

// within runs a command in a session. What it returns is the command's error.
func within(ctx context.Context, p Process, o options, do func(context.Context, *session) error) (err error) {
	s, err := open(ctx, p, o)
	if err != nil {
		if s != nil && s.Kit != nil {
			s.close()
		}
		return unopened(p, o, err)
	}
	defer s.close()
	return do(ctx, s)
}

// discard is where a quiet command's messages go.
func discard(quiet bool, w io.Writer) io.Writer {
	if quiet {
		return io.Discard
	}
	return w
}
