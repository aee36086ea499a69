package deploy

import (
	"bytes"
	"context"
	"fmt"
	"strings"
	"time"

	"sluice/internal/contract"
	"sluice/internal/engine"
	"sluice/internal/platform"
	"sluice/internal/work"
)

// logHook runs a hook ($1) with its output also appended to a log ($2), in the form that
// readers of deploy.log know, and exits with the hook's status. A process that the hook
// leaves behind may hold the output open: the script waits five seconds for it, for visitors
// may be waiting too, and its output goes to the log only. Beside $3 it notes that it runs
// and with which status the hook ended: a hook outlives a crash of the control plane, which
// then finds it by that.
const logHook = `rm -f "$3.status"; echo $$ >"$3.pid"
printf "[%s] Launching command '%s'.\n" "$(date -u '+%Y-%m-%d %H:%M:%S.%6N')" "$1" >>"$2"
pipe=/tmp/.hook-$$
mkfifo -m 600 "$pipe" || exit 1
{ tee -p -a "$2" <"$pipe"; : >"$pipe.end"; } &
/bin/sh "$1" >"$pipe" 2>&1
code=$?
echo "$code" >"$3.new" && mv "$3.new" "$3.status"
tries=250
while [ ! -e "$pipe.end" ]; do
    if [ $((tries -= 1)) -lt 0 ]; then
        echo "W: the hook left a process behind that keeps its output open; it is not waited for"
        break
    fi
    sleep 0.02
done
rm -f "$pipe" "$pipe.end"
exit "$code"`

func hookCommand(hook, log string) []string {
	return []string{"/bin/sh", "-c", logHook, "hook", hook, contract.LogDir + "/" + log + ".log", hookState(log)}
}

// hook is a script of an application that runs in its web container.
type hook struct {
	kind   string // as activities show it
	script string // path in the container
	log    string // the name of its log file, without .log
	level  int    // of its output in the activity's log
}

// runHook runs a hook to its end; on is called for what the hook tells the platform. An error
// means that it could not be run; a hook that failed has an exit code other than 0.
func (d *deployment) runHook(ctx context.Context, app string, h hook, env map[string]string, on heard) (platform.CommandResult, error) {
	out, done := watched(d.log, h.level, on)
	start := time.Now()
	code, err := d.s.Engine.Exec(ctx, engine.ExecRequest{
		Environment: d.env.ID(), Release: d.release.ID, Container: app,
		Command: hookCommand(h.script, h.log), Env: env, Dir: contract.AppDir, Stdout: out, Stderr: out,
	})
	done()
	return platform.CommandResult{App: app, Type: h.kind, ExitCode: code, Duration: time.Since(start)}, err
}

// hookState is where a hook leaves its traces, which are gone with the container.
func hookState(log string) string { return contract.RunDir + "/sluice-hook-" + log }

// findHook prints what became of a hook by its traces ($1): its status, "running", "gone" when
// it ended without one, or "none" when there are no traces. With $2 it waits for the end.
const findHook = `while :; do
    [ -e "$1.pid" ] || { echo none; exit; }
    kill -0 "$(cat "$1.pid")" 2>/dev/null && alive=1 || alive=
    [ -e "$1.status" ] && { cat "$1.status"; exit; }
    [ "$alive" ] || { echo gone; exit; }
    [ "$2" ] || { echo running; exit; }
    sleep 1
done`

// recoverHooks finds out what became of the deploy hooks that ran when the control plane
// crashed: they go on by themselves. When all have succeeded, the deployment is completed;
// when one still runs, this is done once it has ended.
func (d *deployment) recoverHooks(ctx context.Context) error {
	if err := d.commit(ctx); err != nil {
		d.log.Line(3, "W: %v", err)
	}
	running, err := d.findHooks(ctx, "")
	if err == nil && running {
		d.log.Line(3, "The deploy hook still runs: waiting for it. Its output is in deploy.log.")
		d.job.Later(d.awaitHooks)
		return nil
	}
	return d.afterHooks(ctx, err)
}

func (d *deployment) awaitHooks(ctx context.Context) error {
	defer d.dropSnapshots(ctx)
	_, err := d.findHooks(ctx, "wait")
	if cause := context.Cause(ctx); cause != nil {
		return cause // it runs on, and the next start finds it again
	}
	return d.afterHooks(context.WithoutCancel(ctx), err)
}

func (d *deployment) afterHooks(ctx context.Context, err error) error {
	if err != nil {
		return d.giveUp(ctx, "%w while the deploy hook ran; the site stays in maintenance: %w", work.ErrInterrupted, err)
	}
	d.log.Line(3, "The deploy hook has succeeded: completing the deployment.")
	return d.complete(ctx)
}

// findHooks looks for the deploy hook of each application. An error says that one did not
// succeed, or may not have been begun: none is run a second time.
func (d *deployment) findHooks(ctx context.Context, wait string) (running bool, err error) {
	for _, app := range d.stored.Spec.Apps {
		if !hasDeployHook(app) || d.whyHook(app) == "" {
			continue
		}
		var out bytes.Buffer
		// One that was begun early waits for this file.
		const script = ": >" + contract.HoldFile + "\n" + findHook
		_, err := d.s.Engine.Exec(ctx, engine.ExecRequest{
			Environment: d.env.ID(), Release: d.release.ID, Container: app.Name, Dir: contract.AppDir, Stdout: &out,
			Command: []string{"/bin/sh", "-c", script, "find-hook", hookState("deploy"), wait},
		})
		if err != nil {
			return false, fmt.Errorf("look for the deploy hook of '%s': %w", app.Name, err)
		}
		switch state := strings.TrimSpace(out.String()); state {
		case "0":
		case "running":
			return true, nil
		case "none", "gone", "":
			return false, fmt.Errorf("what became of the deploy hook of '%s' is not known", app.Name)
		default:
			return false, fmt.Errorf("the deploy hook of '%s' failed with status code %s", app.Name, state)
		}
	}
	return false, nil
}
