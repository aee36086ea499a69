package deploy

import (
	"bytes"
	"context"
	"io"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"sluice/internal/access"
	"sluice/internal/contract"
	"sluice/internal/engine"
	"sluice/internal/platform"
)

// magentoLogs begins the names of the logs that the application itself writes: files of
// its var/log, and "report" for the newest error report.
const magentoLogs = "magento/"

// printed is the name of the log of a service or worker: what its container printed.
const printed = "app"

// logged is a container whose logs can be read.
type logged struct {
	env       platform.Environment
	release   string // empty for a service
	container string
	files     bool // it keeps logs in files
}

// logged finds a container by the name of its application, worker or service; with no
// name, the only application.
func (s *Service) logged(ctx context.Context, project, name, app string) (logged, error) {
	env, current, err := s.serving(ctx, project, name)
	if err == nil {
		err = access.State(access.LogsView, platform.Project{}, env)
	}
	if err != nil {
		return logged{}, err
	}
	spec := current.stored.Spec
	if slices.ContainsFunc(spec.Services, func(x engine.Service) bool { return x.Name == app }) {
		return logged{env: env, container: app}, nil
	}
	if slices.ContainsFunc(spec.Workers, func(w engine.Worker) bool { return w.Name == app }) {
		return logged{env: env, release: current.release.ID, container: app}, nil
	}
	a, err := choose(spec.Apps, app)
	return logged{env: env, release: current.release.ID, container: a.Name, files: true}, err
}

// Logs writes the last lines of a log to w, all of them when lines is 0. kind is a name
// that LogNames returns.
func (s *Service) Logs(ctx context.Context, project, name, app, kind string, lines int, w io.Writer) error {
	l, err := s.logged(ctx, project, name, app)
	if err != nil {
		return err
	}
	if !l.files && (kind == "" || kind == printed) {
		return s.Engine.Logs(ctx, l.env.ID(), l.release, l.container, lines, w)
	}
	return s.tail(ctx, l, kind, lines, w)
}

// LogNames lists the logs that there are, those of the platform first.
func (s *Service) LogNames(ctx context.Context, project, name, app string) ([]string, error) {
	l, err := s.logged(ctx, project, name, app)
	if err != nil {
		return nil, err
	}
	if !l.files {
		return []string{printed}, nil
	}
	var out bytes.Buffer
	if _, err := s.Engine.Exec(ctx, l.exec(&out, listScript)); err != nil {
		return nil, err
	}
	return strings.Fields(out.String()), nil
}

func (l logged) exec(w io.Writer, script string, args ...string) engine.ExecRequest {
	return engine.ExecRequest{
		Environment: l.env.ID(), Release: l.release, Container: l.container, Dir: contract.LogDir, Stdout: w,
		Command: append([]string{"/bin/sh", "-c", script, "logs", contract.AppDir + "/var"}, args...),
	}
}

// logName is what names a file; a log cannot be elsewhere.
var logName = regexp.MustCompile(`^(magento/)?[A-Za-z0-9_][A-Za-z0-9._-]{0,99}$`)

func (s *Service) tail(ctx context.Context, l logged, kind string, lines int, w io.Writer) error {
	if !logName.MatchString(kind) {
		return platform.Errorf(platform.CodeInvalid, "%q is not the name of a log", kind).WithHint("sluice environment:logs")
	}
	name, own := strings.CutPrefix(kind, magentoLogs)
	dir := "." // LogDir
	if own {
		dir = contract.AppDir + "/var/log"
	}
	count := strconv.Itoa(lines)
	if lines <= 0 {
		count = "+1"
	}
	code, err := s.Engine.Exec(ctx, l.exec(w, tailScript, dir, name, count))
	if err != nil || code == 0 {
		return err
	}
	missing := platform.Errorf(platform.CodeNotFound, "%s has no log %q yet", l.container, kind)
	if names, err := s.LogNames(ctx, l.env.Project, l.env.Name, l.container); err == nil && len(names) > 0 {
		return missing.WithHint("the logs are %s", strings.Join(names, ", "))
	}
	return missing
}

// The scripts get the application's var as $1. Names with white space or line ends are
// left out, because logName does not match them.
const (
	listScript = `names() { for f in *.log; do [ -f "$f" ] || continue; case $f in *[![:alnum:]._-]*) ;; *) echo "$1${f%.log}";; esac; done; }
names ""
cd "$1/log" 2>/dev/null && names magento/
[ -n "$(ls "$1/report" 2>/dev/null)" ] && echo magento/report
:`
	tailScript = `if [ "$2" != . ] && [ "$3" = report ] && [ ! -f "$2/report.log" ]; then
	cd "$1/report" 2>/dev/null || exit 44
	newest=$(ls -t | head -n 1)
	[ -f "$newest" ] || exit 44
	exec tail -n "$4" -- "$newest"
fi
[ -f "$2/$3.log" ] || exit 44
exec tail -n "$4" -- "$2/$3.log"`
)
