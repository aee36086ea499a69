package e2e

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
	"golang.org/x/sys/unix"

	"sluice/internal/platform"
)

// TestScripts runs testdata/*.txtar against one machine; every script has a project of
// its own. The verbs beside those of testscript:
//
//	project                    create $PROJECT and make $WORK its repository
//	deploy                     commit everything and push it; the activity must succeed
//	deploy fails               ... must fail
//	get STATUS PATH [TEXT...]  the page has this status and contains every text
//	absent PATH TEXT           the page does not contain the text
//	eventually PATH TEXT       the page comes to contain the text
//	visit PATH                 request the page over and over, until "visit end", which fails
//	                           unless all responses were 200
//	status CODE PROGRAM ARGS   the program ends with this status
//	keep NAME REGEXP           $NAME is the part in brackets, of what the last program said
//	leave FILE PROGRAM ARGS    the program, which leaves others running, writes its output to FILE
//	told TEXT...               $HOOK was sent a signed event that contains every text
//	tunnel TEXT PROGRAM ARGS   the program opens a tunnel and names its address; what listens
//	                           behind it greets with the text
//
// `exec git` and `exec sluice` are the real programs, logged in; where the condition [stock]
// holds, $STOCK is a stock client that is. [shared] holds where the data directory shares blocks.
func TestScripts(t *testing.T) {
	m := newMachine(t)
	var projects atomic.Int32
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata",
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		Setup: func(env *testscript.Env) error {
			project := fmt.Sprintf("p%d", projects.Add(1))
			for _, kv := range m.env() {
				name, value, _ := strings.Cut(kv, "=")
				switch name {
				case "WORK", "TMPDIR", "PATH", "HOME":
				default:
					env.Setenv(name, value)
				}
			}
			env.Setenv("HOME", env.WorkDir)
			env.Setenv("PATH", filepath.Dir(m.bin("sluice"))+string(os.PathListSeparator)+os.Getenv("PATH"))
			env.Setenv("PROJECT", project)
			env.Setenv("SITE", (&shop{machine: m, project: project}).address())
			env.Setenv("HTTP_PORT", strconv.Itoa(m.httpPort))
			env.Setenv("ENV_ID", project+"-"+platform.MachineName(project, "main"))
			env.Setenv("DATA_DIR", m.data)
			examples, err := filepath.Abs("../examples")
			if err != nil {
				return err
			}
			env.Setenv("EXAMPLES", examples)
			return errors.Join(m.sshClient(env, project), m.stockConfig(t, env))
		},
		Condition: func(name string) (bool, error) {
			return name == "stock" && stockClient() != "" || name == "shared" && sharesBlocks(m.data), nil
		},
		Cmds: map[string]func(ts *testscript.TestScript, neg bool, args []string){
			"project":    func(ts *testscript.TestScript, _ bool, _ []string) { scriptProject(ts, m) },
			"deploy":     func(ts *testscript.TestScript, _ bool, args []string) { scriptDeploy(ts, args) },
			"get":        func(ts *testscript.TestScript, _ bool, args []string) { scriptGet(ts, m, args) },
			"absent":     func(ts *testscript.TestScript, _ bool, args []string) { scriptAbsent(ts, m, args) },
			"status":     func(ts *testscript.TestScript, _ bool, args []string) { scriptStatus(ts, args) },
			"visit":      func(ts *testscript.TestScript, _ bool, args []string) { scriptVisit(ts, m, args) },
			"tunnel":     func(ts *testscript.TestScript, _ bool, args []string) { scriptTunnel(ts, m, args) },
			"told":       func(ts *testscript.TestScript, _ bool, args []string) { scriptTold(ts, m, args) },
			"leave":      func(ts *testscript.TestScript, _ bool, args []string) { scriptLeave(ts, args) },
			"keep":       func(ts *testscript.TestScript, _ bool, args []string) { scriptKeep(ts, args) },
			"eventually": func(ts *testscript.TestScript, _ bool, args []string) { scriptEventually(ts, m, args) },
		},
	})
}

// sharesBlocks reports whether a directory is of a file system that can share blocks between files.
func sharesBlocks(dir string) bool {
	var st unix.Statfs_t
	return unix.Statfs(dir, &st) == nil && (st.Type == unix.XFS_SUPER_MAGIC || st.Type == unix.BTRFS_SUPER_MAGIC)
}

// sshClient gives a script a key and a configuration of OpenSSH's programs: $SSH is the
// option that names it, $SSH_KEY the public key.
func (m *machine) sshClient(env *testscript.Env, project string) error {
	dir := filepath.Join(m.dir, "ssh-"+project)
	key := filepath.Join(dir, "id")
	config := fmt.Sprintf("Host *\n HostName 127.0.0.1\n Port %d\n IdentityFile %s\n IdentitiesOnly yes\n BatchMode yes\n"+
		" UserKnownHostsFile %s\n StrictHostKeyChecking accept-new\n", m.sshPort, key, filepath.Join(dir, "known_hosts"))
	env.Setenv("SSH", filepath.Join(dir, "config"))
	env.Setenv("SSH_KEY", key+".pub")
	env.Setenv("GIT_SSH_COMMAND", "ssh -F "+filepath.Join(dir, "config"))
	return errors.Join(
		os.MkdirAll(dir, 0o700),
		os.WriteFile(filepath.Join(dir, "config"), []byte(config), 0o600),
		exec.Command("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "jane", "-f", key).Run(), //nolint:noctx // takes a moment
	)
}

func scriptProject(ts *testscript.TestScript, m *machine) {
	project := ts.Getenv("PROJECT")
	for _, line := range [][]string{
		{"sluice", "project:create", project},
		{"git", "init", "--quiet", "--initial-branch=main"},
		{"git", "config", "credential." + m.url() + ".helper", "!" + m.bin("sluice") + " auth:git-credential"},
		{"git", "remote", "add", "sluice", m.url() + "/" + project + ".git"},
	} {
		ts.Check(ts.Exec(line[0], line[1:]...))
	}
}

// scriptDeploy reads the result from the line that programs read.
func scriptDeploy(ts *testscript.TestScript, args []string) {
	want := "result=success"
	if len(args) == 1 && args[0] == "fails" {
		want = "result=failure"
	}
	ts.Check(ts.Exec("git", "add", "-A"))
	ts.Check(ts.Exec("git", "commit", "--quiet", "--allow-empty", "-m", "change"))
	ts.Check(ts.Exec("git", "push", "sluice", "HEAD:main"))
	if log := ts.ReadFile("stderr"); !strings.Contains(log, want) {
		ts.Fatalf("the deployment does not end with %s", want)
	}
}

func scriptStatus(ts *testscript.TestScript, args []string) {
	if len(args) < 2 {
		ts.Fatalf("usage: status CODE PROGRAM ARGS...")
	}
	got := "0"
	if err := ts.Exec(args[1], args[2:]...); err != nil {
		got = strings.TrimPrefix(err.Error(), "exit status ")
	}
	if got != args[0] {
		ts.Fatalf("%s: status %s, want %s", strings.Join(args[1:], " "), got, args[0])
	}
}

func scriptKeep(ts *testscript.TestScript, args []string) {
	found := regexp.MustCompile(args[1]).FindStringSubmatch(ts.ReadFile("stdout") + ts.ReadFile("stderr"))
	if len(found) != 2 {
		ts.Fatalf("the last program did not say %s", args[1])
	}
	ts.Setenv(args[0], found[1])
}

func scriptGet(ts *testscript.TestScript, m *machine, args []string) {
	if len(args) < 2 {
		ts.Fatalf("usage: get STATUS PATH [TEXT...]")
	}
	status, body := m.get(ts.Getenv("SITE") + args[1])
	if strconv.Itoa(status) != args[0] {
		ts.Fatalf("GET %s: status %d, want %s\n%s", args[1], status, args[0], body)
	}
	for _, text := range args[2:] {
		if !strings.Contains(body, text) {
			ts.Fatalf("GET %s does not contain %q:\n%s", args[1], text, body)
		}
	}
}

func scriptAbsent(ts *testscript.TestScript, m *machine, args []string) {
	if _, body := m.get(ts.Getenv("SITE") + args[0]); strings.Contains(body, args[1]) {
		ts.Fatalf("GET %s contains %q:\n%s", args[0], args[1], body)
	}
}

func scriptEventually(ts *testscript.TestScript, m *machine, args []string) {
	m.eventually(fmt.Sprintf("%s contains %q", args[0], args[1]), func() bool {
		_, body := m.get(ts.Getenv("SITE") + args[0])
		return strings.Contains(body, args[1])
	})
}

// visitors request a page until they are told to stop, and keep what was wrong.
var visitors sync.Map // *caller by project

type caller struct {
	stop, done chan struct{}
	visits     int
	problems   []string
}

func scriptVisit(ts *testscript.TestScript, m *machine, args []string) {
	project := ts.Getenv("PROJECT")
	if args[0] != "end" {
		v := &caller{stop: make(chan struct{}), done: make(chan struct{})}
		visitors.Store(project, v)
		go v.run(m, ts.Getenv("SITE")+args[0])
		return
	}
	found, _ := visitors.LoadAndDelete(project)
	v, ok := found.(*caller)
	if !ok {
		ts.Fatalf("nobody visits")
	}
	close(v.stop)
	<-v.done
	ts.Logf("%d visits", v.visits)
	if len(v.problems) > 0 || v.visits == 0 {
		ts.Fatalf("%d of %d visits failed, the first with %s", len(v.problems), v.visits, strings.Join(v.problems[:min(1, len(v.problems))], ""))
	}
}

func (v *caller) run(m *machine, url string) {
	defer close(v.done)
	for {
		select {
		case <-v.stop:
			return
		default:
		}
		v.visits++
		if status, body := m.get(url); status != 200 {
			v.problems = append(v.problems, fmt.Sprintf("status %d: %.200s", status, body))
		}
	}
}
