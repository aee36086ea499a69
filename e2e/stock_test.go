package e2e

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"sluice/internal/webhook"
)

// stockClient is the binary of a stock command line client, "" when there is none.
func stockClient() string { return os.Getenv("SLUICE_STOCK_CLIENT") }

// stockConfig leads the stock client $STOCK to the machine, by the file that the server
// publishes. $HOOK is a receiver of webhooks, $CERTIFICATE and $KEY are files.
func (m *machine) stockConfig(t *testing.T, env *testscript.Env) error {
	t.Helper()
	if stockClient() == "" {
		return nil
	}
	status, config := m.get(m.url() + "/cli/config.yaml")
	if status != 200 {
		return fmt.Errorf("the configuration of stock clients: %d %s", status, config)
	}
	token, err := os.ReadFile(filepath.Join(m.data, "keys", "admin.token"))
	if err != nil {
		return err
	}
	project := env.Getenv("PROJECT")
	file := filepath.Join(m.dir, "stock-"+project+".yaml")
	site, _, _ := certificate(t, "www."+project+".example.com")
	r := &hookReceiver{}
	server := httptest.NewServer(r)
	t.Cleanup(server.Close)
	hooks.Store(project, r)
	for name, value := range map[string]string{
		"STOCK": stockClient(), "CLI_CONFIG_FILE": file, "SLUICE_CLI_TOKEN": strings.TrimSpace(string(token)), "SLUICE_CLI_NO_INTERACTION": "1",
		"SLUICE_CLI_HOME": env.WorkDir, "COLUMNS": "300", "HOOK": server.URL, "CERTIFICATE": site + ".crt", "KEY": site + ".key",
	} {
		env.Setenv(name, value)
	}
	vars := slices.Clone(env.Vars)
	env.Defer(func() { // a script that failed leaves tunnels that run on by themselves
		cmd := exec.Command(stockClient(), "tunnel:close", "--all", "-y") //nolint:noctx // ends by itself
		cmd.Env, cmd.Dir = vars, env.WorkDir
		_ = cmd.Run()
	})
	return os.WriteFile(file, []byte(config), 0o600)
}

// hookKey is the key that stock-client.txtar gives its integration.
const hookKey = "shared-s3cret"

// hooks are the receivers of events, by project.
var hooks sync.Map

// hookReceiver keeps the events that it is sent. The first of them it refuses once.
type hookReceiver struct {
	mu     sync.Mutex
	asked  int
	events []string // with a mark when the signature is wrong
}

func (h *hookReceiver) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	h.mu.Lock()
	defer h.mu.Unlock()
	h.asked++
	if h.asked == 1 {
		http.Error(w, "not yet", http.StatusServiceUnavailable)
		return
	}
	if r.Header.Get("X-JWS-Signature") != webhook.Sign(hookKey, body) {
		body = append([]byte("with a wrong signature: "), body...)
	}
	h.events = append(h.events, string(body))
}

func scriptTold(ts *testscript.TestScript, m *machine, args []string) {
	found, _ := hooks.Load(ts.Getenv("PROJECT"))
	h, ok := found.(*hookReceiver)
	if !ok {
		ts.Fatalf("there is no receiver")
	}
	m.eventually(fmt.Sprintf("an event contains %q", args), func() bool {
		h.mu.Lock()
		defer h.mu.Unlock()
		return slices.ContainsFunc(h.events, func(event string) bool {
			return strings.HasPrefix(event, "{") && !slices.ContainsFunc(args, func(text string) bool { return !strings.Contains(event, text) })
		})
	})
}

var tunnelAddress = regexp.MustCompile(`127\.0\.0\.1:\d+`)

// scriptTunnel runs a program that keeps a tunnel open until it is told to end.
func scriptTunnel(ts *testscript.TestScript, m *machine, args []string) {
	cmd := stockCommand(ts, args[1:])
	out, err := cmd.StderrPipe()
	ts.Check(err)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	ts.Check(cmd.Start())
	defer func() {
		_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGINT) // as a terminal does: the program and what it runs
		_ = cmd.Wait()
	}()
	var said strings.Builder
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		said.WriteString(lines.Text() + "\n")
		if address := tunnelAddress.FindString(lines.Text()); address != "" {
			m.eventually("the end of the tunnel greets with "+args[0], func() bool { // it is named before it is there
				greeting, err := greetingAt(address)
				return err == nil && strings.Contains(greeting, args[0])
			})
			return
		}
	}
	ts.Fatalf("no tunnel was opened:\n%s", said.String())
}

// stockCommand is a command of the script's, for what testscript cannot do with one.
func stockCommand(ts *testscript.TestScript, args []string) *exec.Cmd {
	cmd := exec.Command(args[0], args[1:]...) //nolint:noctx // ended by the script
	cmd.Dir = ts.MkAbs(".")
	for _, name := range []string{"HOME", "PATH", "CLI_CONFIG_FILE", "SLUICE_CLI_TOKEN", "SLUICE_CLI_NO_INTERACTION", "SLUICE_CLI_HOME", "COLUMNS"} {
		cmd.Env = append(cmd.Env, name+"="+ts.Getenv(name))
	}
	return cmd
}

// scriptLeave does not wait for the end of the output, which those that were left keep open.
func scriptLeave(ts *testscript.TestScript, args []string) {
	cmd := stockCommand(ts, args[1:])
	out, err := os.Create(ts.MkAbs(args[0]))
	ts.Check(err)
	defer func() { _ = out.Close() }() // the program writes, this does not
	cmd.Stdout, cmd.Stderr = out, out
	if err := cmd.Run(); err != nil {
		ts.Fatalf("%s: %v\n%s", strings.Join(args[1:], " "), err, ts.ReadFile(args[0]))
	}
}

// greetingAt returns what a server says to a client that has said nothing yet.
func greetingAt(address string) (string, error) {
	conn, err := net.Dial("tcp", address) //nolint:noctx // of this machine
	if err != nil {
		return "", err
	}
	defer func() { _ = conn.Close() }() // only read
	greeting := make([]byte, 64)
	n, err := conn.Read(greeting)
	return string(greeting[:n]), err
}
