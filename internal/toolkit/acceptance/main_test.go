package acceptance

import (
	"context"
	"encoding/base64"
	"errors"
	"flag"
	"io"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
	"github.com/rogpeppe/go-internal/txtar"

	"sluice/internal/toolkit/command"
	"sluice/internal/toolkit/phparray"
)

var update = flag.Bool("update", false, "rewrite the files that scripts compare with")

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){
		"php": php, "composer": program, "mysqldump": program, "baler": program,
	})
}

// program is one that does nothing, or fails as magento.fails says.
func program() { failAs(filepath.Base(os.Args[0])) }

// process is what a script has collected for the commands that it runs.
type process struct {
	env map[string]string
	db  *databases
	dir string

	kept             bool
	checkout, shared string // what the repository and the environment have in the mounts

	fixed *strings.Replacer // where servers are
}

type processKey struct{}

func of(ts *testscript.TestScript) *process {
	p, ok := ts.Value(processKey{}).(*process)
	if !ok {
		ts.Fatalf("the script was not set up")
	}
	return p
}

// setUp gives a script a project.
func setUp(e *testscript.Env) error {
	tb, ok := e.T().(testing.TB)
	if !ok {
		return errors.New("the script runs in no test")
	}
	p, err := newProject(tb, e.WorkDir)
	e.Values[processKey{}] = p
	return err
}

// newProject gives a directory the files of base that it does not have, and servers.
func newProject(tb testing.TB, dir string) (*process, error) {
	tb.Helper()
	base, err := txtar.ParseFile(filepath.Join(start, "testdata", "base", "project.txtar"))
	if err != nil {
		return nil, err
	}
	for _, f := range base.Files {
		name := filepath.Join(dir, filepath.FromSlash(f.Name))
		if _, err := os.Lstat(name); err == nil || os.MkdirAll(filepath.Dir(name), 0o750) != nil {
			continue // the script has something there
		}
		if err := os.WriteFile(name, f.Data, 0o600); err != nil {
			return nil, err
		}
	}
	front := newFront()
	tb.Cleanup(front.Close)
	redis, err := newRedis()
	if err != nil {
		return nil, err
	}
	tb.Cleanup(func() { _ = redis.Close() })
	_, port, _ := net.SplitHostPort(redis.Addr().String())
	p := &process{
		// The race detector would keep every program that plays PHP for a second after its end.
		dir: dir, env: map[string]string{"PATH": os.Getenv("PATH"), "HOME": dir, "GORACE": "atexit_sleep_ms=0"}, //nolint:forbidigo // where TestMain has put the programs
		db: newDatabases(tb, dir), checkout: tb.TempDir(), shared: tb.TempDir(), fixed: strings.NewReplacer("FRONT", front.URL, "REDIS_PORT", port),
	}
	return p, errors.Join(
		p.encode("MAGENTO_CLOUD_RELATIONSHIPS", "relationships.json"), p.encode("MAGENTO_CLOUD_ROUTES", "routes.json"),
		p.encode("MAGENTO_CLOUD_VARIABLES", "variables.json"))
}

// start is the working directory of the tests.
var start, _ = os.Getwd()

// encode sets a variable to the base64 of a file, in which FRONT and REDIS_PORT are where the servers are.
func (p *process) encode(name, file string) error {
	text, err := fs.ReadFile(os.DirFS(p.dir), file)
	p.env[name] = base64.StdEncoding.EncodeToString([]byte(p.fixed.Replace(string(text))))
	return err
}

// keep notes what the repository has in the mounts, the first time.
func (p *process) keep() error {
	if p.kept {
		return nil
	}
	p.kept = true
	return p.swap(p.checkout, p.shared)
}

// mounts are those of the project.
func mounts() []string { return []string{"var", "app/etc", "pub/media", "pub/static"} }

// swap puts away what is in the mounts, if to says where, and puts there what from has.
func (p *process) swap(to, from string) error {
	for _, m := range mounts() {
		name := filepath.Join(p.dir, m)
		if to != "" {
			if err := replace(filepath.Join(to, m), name); err != nil {
				return err
			}
		}
		if err := replace(name, filepath.Join(from, m)); err != nil {
			return err
		}
	}
	return nil
}

// replace makes a directory a copy of another; one that is not there is empty.
func replace(dir, from string) error {
	if err := os.RemoveAll(dir); err != nil {
		return err
	}
	if err := os.MkdirAll(dir, 0o750); err != nil || from == "" {
		return err
	}
	err := os.CopyFS(dir, os.DirFS(from))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

// reset forgets everything that a deployment has left behind.
func (p *process) reset() error {
	errs := []error{p.db.reset(), os.RemoveAll(filepath.Join(p.dir, installed))}
	for _, m := range mounts() {
		errs = append(errs, replace(filepath.Join(p.dir, m), ""))
	}
	return errors.Join(errs...)
}

// lock puts a value into the section of env.php that config:set --lock-env writes.
func (p *process) lock(path string) error {
	name := filepath.Join(p.dir, "app/etc/env.php")
	text, err := fs.ReadFile(os.DirFS(p.dir), "app/etc/env.php")
	if err != nil {
		return err
	}
	env, err := phparray.Parse(name, text)
	if err != nil {
		return err
	}
	keys := append([]string{"system", "default"}, strings.Split(path, "/")...)
	env.SetAt("US", keys...)
	return os.WriteFile(name, phparray.Export(env), 0o600)
}

// run runs one command of the toolkit in this process.
func (p *process) run(stdout, stderr io.Writer, args []string) int {
	var env []string
	for name, v := range p.env {
		env = append(env, name+"="+v)
	}
	slices.Sort(env)
	return command.Run(context.Background(), command.Process{
		Args: args, Env: env, Dir: p.dir, Stdin: strings.NewReader(""), Stdout: stdout, Stderr: stderr, Version: "v1.2.3", Databases: p.db,
	})
}

// commands are what scripts can say besides what every script can.
func commands() map[string]func(*testscript.TestScript, bool, []string) {
	ended := func(ts *testscript.TestScript, want bool, status int) {
		if (status == 0) != want {
			ts.Fatalf("the command ended with status %d", status)
		}
	}
	return map[string]func(*testscript.TestScript, bool, []string){
		// ece-tools ARGS... runs a command.
		"ece-tools": func(ts *testscript.TestScript, neg bool, args []string) {
			ended(ts, !neg, of(ts).run(ts.Stdout(), ts.Stderr(), args))
		},
		// build ARGS... runs commands of the build in a new checkout, without the mounts.
		"build": func(ts *testscript.TestScript, neg bool, args []string) {
			p := of(ts)
			ts.Check(p.keep())
			ts.Check(p.swap(p.shared, p.checkout))
			status := 0
			for _, name := range args {
				if status = p.run(ts.Stdout(), ts.Stderr(), strings.Fields(name)); status != 0 {
					break
				}
			}
			ts.Check(p.swap("", p.shared))
			ended(ts, !neg, status)
		},
		// commit FILE adds a file to the repository.
		"commit": func(ts *testscript.TestScript, _ bool, args []string) {
			ts.Check(of(ts).keep())
			name := filepath.Join(of(ts).checkout, args[0])
			ts.Check(os.MkdirAll(filepath.Dir(name), 0o750))
			ts.Check(os.WriteFile(name, []byte(ts.ReadFile(args[0])), 0o600))
		},
		// fails STATUS ARGS... runs a command that ends with a status.
		"fails": func(ts *testscript.TestScript, _ bool, args []string) {
			status := of(ts).run(ts.Stdout(), ts.Stderr(), args[1:])
			if got := text(status); got != args[0] {
				ts.Fatalf("status %s, want %s", got, args[0])
			}
		},
		// given NAME FILE sets a variable as the platform does.
		"given": func(ts *testscript.TestScript, _ bool, args []string) {
			ts.Check(of(ts).encode("MAGENTO_CLOUD_"+args[0], args[1]))
		},
		// variable NAME VALUE sets a variable of the process.
		"variable": func(ts *testscript.TestScript, _ bool, args []string) { of(ts).env[args[0]] = args[1] },
		// sql FILE runs statements in the main database.
		"sql": func(ts *testscript.TestScript, _ bool, args []string) { ts.Check(of(ts).db.must(ts.ReadFile(args[0]))) },
		// rows QUERY prints a query's rows, one a line.
		"rows": func(ts *testscript.TestScript, _ bool, args []string) {
			ts.Check(of(ts).db.print(ts.Stdout(), args[0]))
		},
		// for-each FILE TEXT... wants texts in a file, or in stdout.
		"for-each": func(ts *testscript.TestScript, _ bool, args []string) {
			content := ts.ReadFile(args[0])
			for _, want := range args[1:] {
				if !strings.Contains(content, want) {
					ts.Fatalf("%s lacks %q:\n%s", args[0], want, content)
				}
			}
		},
		// reset makes the environment new: nothing was ever deployed, no log was written.
		"reset": func(ts *testscript.TestScript, _ bool, _ []string) { ts.Check(of(ts).reset()) },
		// prefix TEXT is that of the tables.
		"prefix": func(ts *testscript.TestScript, _ bool, args []string) { of(ts).db.fake.Prefix = args[0] },
		// locked PATH has `bin/magento config:set --lock-env PATH US` done.
		"locked": func(ts *testscript.TestScript, _ bool, args []string) { ts.Check(of(ts).lock(args[0])) },
		// before FILE FIRST SECOND wants two texts in a file, or in stdout, in this order.
		"before": func(ts *testscript.TestScript, _ bool, args []string) {
			log := ts.ReadFile(args[0])
			a, b := strings.Index(log, args[1]), strings.Index(log, args[2])
			if a < 0 || b < a {
				ts.Fatalf("%q is at %d, %q at %d in:\n%s", args[1], a, args[2], b, log)
			}
		},
	}
}

// TestCases runs the scripts of testdata.
func TestCases(t *testing.T) {
	testscript.Run(t, testscript.Params{Dir: "testdata", RequireExplicitExec: true, UpdateScripts: *update, Setup: setUp, Cmds: commands()})
}
