package httpapi_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"sluice/internal/httpapi"
	"sluice/internal/httpapi/httpapitest"
)

// stockCommand is a line of testdata/stock/commands.txt.
type stockCommand struct {
	seen   string // "passed", "differs" or "not offered"
	exit   int
	output *regexp.Regexp
	args   []string
	note   string
}

func stockCommands(t *testing.T) []stockCommand {
	t.Helper()
	text, err := os.ReadFile("testdata/stock/commands.txt")
	if err != nil {
		t.Fatal(err)
	}
	var out []stockCommand
	for line := range strings.Lines(string(text)) {
		if line = strings.TrimSpace(line); line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		fields := strings.Split(line, "|")
		if len(fields) < 4 || len(fields) > 5 {
			t.Fatalf("a line is SEEN | EXIT | OUTPUT | COMMAND [| NOTE], not %q", line)
		}
		for i := range fields {
			fields[i] = strings.TrimSpace(fields[i])
		}
		exit, err := strconv.Atoi(fields[1])
		if err != nil {
			t.Fatal(err)
		}
		c := stockCommand{seen: fields[0], exit: exit, output: regexp.MustCompile(fields[2]), args: strings.Fields(fields[3])}
		if len(fields) > 4 {
			c.note = fields[4]
		}
		if (c.seen == "passed") != (c.note == "") {
			t.Errorf("%q: what did not pass needs a reason", line)
		}
		out = append(out, c)
	}
	return out
}

// TestStockClient drives the stock client that SLUICE_STOCK_CLIENT names through all commands of
// testdata/stock/commands.txt, against the API over a platform in memory.
func TestStockClient(t *testing.T) {
	client := os.Getenv("SLUICE_STOCK_CLIENT") //nolint:forbidigo // says which client there is
	if client == "" {
		t.Skip("set SLUICE_STOCK_CLIENT to the binary of a stock client; make stock-client downloads it")
	}
	run := stockClient(t, client)
	for _, c := range stockCommands(t) {
		t.Run(strings.Join(c.args, " "), func(t *testing.T) {
			output, exit := run(t, c.args)
			if exit != c.exit || !c.output.MatchString(output) {
				t.Errorf("exit %d, want %d and output like %s:\n%s", exit, c.exit, c.output, output)
			}
			for _, fatal := range []string{"Fatal error", "Uncaught", "PHP Warning", "PHP Deprecated"} {
				if strings.Contains(output, fatal) {
					t.Errorf("the client says %q:\n%s", fatal, output)
				}
			}
			if exit == 255 {
				t.Errorf("exit 255:\n%s", output)
			}
		})
	}
}

// stockClient returns a function that runs the client, configured by the server's own file.
func stockClient(t *testing.T, client string) func(*testing.T, []string) (string, int) {
	t.Helper()
	p := httpapitest.New()
	seed(p)
	server := httptest.NewUnstartedServer(nil)
	config := testConfig(io.Discard)
	config.PublicURL = "http://" + server.Listener.Addr().String()
	server.Config.Handler = httpapi.New(p.Ports(), config)
	server.Start()
	t.Cleanup(server.Close)
	home := t.TempDir()
	path := "PATH=" + os.Getenv("PATH") //nolint:forbidigo // the client runs git and ssh
	file := filepath.Join(home, "config.yaml")
	text := strings.SplitAfterN(answer(t, server.Config.Handler, "GET /cli/config.yaml"), "\n", 2)[1]
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	const key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIA18D6aTTUtiOgjzqN3xRX9IiKj904DpJjDvr6NUi6Vv jane\n"
	if err := os.WriteFile(filepath.Join(home, "key.pub"), []byte(key), 0o600); err != nil {
		t.Fatal(err)
	}
	return func(t *testing.T, args []string) (string, int) {
		t.Helper()
		cmd := exec.CommandContext(t.Context(), client, args...)
		cmd.Dir = home
		cmd.Env = []string{
			"HOME=" + home, path, "CLI_CONFIG_FILE=" + file, "SLUICE_CLI_NO_INTERACTION=1", "COLUMNS=300",
			"SLUICE_CLI_TOKEN=" + httpapitest.Admin, "SLUICE_CLI_UPDATES_CHECK=0",
		}
		var output bytes.Buffer
		cmd.Stdout, cmd.Stderr = &output, &output
		err := cmd.Run()
		if exit, ok := errors.AsType[*exec.ExitError](err); ok {
			return output.String(), exit.ExitCode()
		}
		if err != nil {
			t.Fatal(err)
		}
		return output.String(), 0
	}
}

var platformCommand = regexp.MustCompile(`(?m)^(?:\[.*\] )?(?:exec|tunnel \S+|leave \S+|status (\d+)) \$STOCK (.*)$`)

// TestClientsPage compares the table of docs/clients.md with the commands that are run, here and
// by e2e with containers.
func TestClientsPage(t *testing.T) {
	var b strings.Builder
	b.WriteString("| command | seen | |\n|---|---|---|\n")
	script, err := os.ReadFile("../../e2e/testdata/stock-client.txtar")
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range platformCommand.FindAllStringSubmatch(string(script), -1) {
		note := "with containers"
		if line[1] != "" {
			note += "; exit " + line[1] + ", as it should"
		}
		fmt.Fprintf(&b, "| `%s` | passed | %s |\n", strings.ReplaceAll(line[2], " -p $PROJECT", ""), note)
	}
	for _, c := range stockCommands(t) {
		fmt.Fprintf(&b, "| `%s` | %s | %s |\n", strings.Join(c.args, " "), c.seen, c.note)
	}
	const page, begin, end = "../../docs/clients.md", "<!-- table -->\n", "<!-- end -->\n"
	text, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, ok := strings.Cut(string(text), begin)
	table, after, found := strings.Cut(rest, end)
	if !ok || !found {
		t.Fatalf("%s has no %s or %s", page, begin, end)
	}
	if *update {
		if err := os.WriteFile(page, []byte(before+begin+b.String()+end+after), 0o644); err != nil {
			t.Fatal(err)
		}
	} else if diff := cmp.Diff(b.String(), table); diff != "" {
		t.Errorf("the table (-run +page):\n%s", diff)
	}
}
