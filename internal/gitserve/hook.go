package gitserve

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"

	"sluice/internal/platform"
)

// The variables by which a hook finds the control plane.
const (
	envSocket = "SLUICE_HOOK_SOCKET"
	envToken  = "SLUICE_HOOK_TOKEN" //nolint:gosec // the name of a variable
)

// The hooks that exist.
const (
	preReceive  = "pre-receive"
	postReceive = "post-receive"
)

// RunHook is the program behind the hooks: "sluiced hook pre-receive" and "... post-receive".
// args are the words after "hook", env is the environment as of os.Environ. It reports the
// push to the control plane and copies what that prints to stderr, which git shows to the
// pusher. It returns the exit status of the hook.
func RunHook(ctx context.Context, args, env []string, stdin io.Reader, stderr io.Writer) int {
	if len(args) != 1 || (args[0] != preReceive && args[0] != postReceive) {
		say(stderr, "E: this program is run by git, as a hook")
		return 2
	}
	status, err := runHook(ctx, args[0], env, stdin, stderr)
	switch {
	case err == nil:
		return status
	case args[0] == preReceive:
		say(stderr, fmt.Sprintf("E: this push could not be checked; nothing was stored (%v)", err), "   Try again in a minute.")
		return 1
	default:
		say(stderr, fmt.Sprintf("W: the push is stored; its log ends here (%v)", err), "   Follow the deployment with: sluice activity:log")
		return 0
	}
}

func say(w io.Writer, lines ...string) {
	_, _ = io.WriteString(w, strings.Join(lines, "\n")+"\n") // git may have ended
}

func runHook(ctx context.Context, hook string, env []string, stdin io.Reader, stderr io.Writer) (int, error) {
	vars := variables(env)
	updates, err := parseUpdates(stdin)
	if err != nil {
		return 0, err
	}
	conn, err := (&net.Dialer{}).DialContext(ctx, "unix", vars[envSocket])
	if err != nil {
		return 0, err
	}
	defer func() { _ = conn.Close() }()                         // nothing is sent after the call
	defer context.AfterFunc(ctx, func() { _ = conn.Close() })() // ends the read
	err = writeCall(conn, call{
		Token: vars[envToken], Hook: hook, Updates: updates,
		Options: pushOptions(vars), Quarantine: quarantine(vars),
	})
	if err != nil {
		return 0, err
	}
	return receiveOutput(bufio.NewReader(conn), stderr)
}

func variables(env []string) map[string]string {
	vars := make(map[string]string, len(env))
	for _, kv := range env {
		name, value, _ := strings.Cut(kv, "=")
		vars[name] = value
	}
	return vars
}

// parseUpdates reads git's input for a hook: lines of "old SP new SP ref".
func parseUpdates(r io.Reader) ([]platform.RefUpdate, error) {
	var updates []platform.RefUpdate
	lines := bufio.NewScanner(io.LimitReader(r, maxCall))
	for lines.Scan() {
		f := strings.SplitN(lines.Text(), " ", 3)
		if len(f) != 3 {
			return nil, fmt.Errorf("unexpected input of the hook: %q", lines.Text())
		}
		updates = append(updates, platform.RefUpdate{Old: f[0], New: f[1], Ref: f[2]})
	}
	return updates, lines.Err()
}

// maxOptions is how many push options count.
const maxOptions = 100

// pushOptions reads git push -o key=value. An option without "=" has the empty value; of
// two with one key the last counts.
func pushOptions(vars map[string]string) map[string]string {
	n, err := strconv.Atoi(vars["GIT_PUSH_OPTION_COUNT"])
	if err != nil {
		return nil
	}
	options := map[string]string{}
	for i := range min(n, maxOptions) {
		key, value, _ := strings.Cut(vars["GIT_PUSH_OPTION_"+strconv.Itoa(i)], "=")
		options[key] = value
	}
	return options
}

// quarantine returns the variables by which the pushed objects can be read; git sets
// them for pre-receive only.
func quarantine(vars map[string]string) []string {
	if vars["GIT_QUARANTINE_PATH"] == "" {
		return nil
	}
	var env []string
	for _, name := range quarantineVariables() {
		env = append(env, name+"="+vars[name])
	}
	return env
}

func quarantineVariables() []string {
	return []string{"GIT_OBJECT_DIRECTORY", "GIT_ALTERNATE_OBJECT_DIRECTORIES", "GIT_QUARANTINE_PATH"}
}
