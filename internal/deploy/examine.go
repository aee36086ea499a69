package deploy

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"sluice/internal/contract"
	"sluice/internal/engine"
	"sluice/internal/manifest"
	"sluice/internal/platform"
	"sluice/internal/rehearsal"
	"sluice/internal/topology"
)

// sight is what was seen of a release that serves on the copy.
type sight struct {
	schema  rehearsal.Schema
	digests map[string]rehearsal.Digests // by application
	pages   []platform.PageVisit         // their Path is as it was asked for
	logs    map[string]map[string]int64  // size of each log, by application and path
}

// secret makes digests of one rehearsal comparable with each other and with no others.
func (r *rehearsing) secret() string {
	if r.digestSecret == "" {
		r.digestSecret = rand.Text()
	}
	return r.digestSecret
}

// look sees what a release shows. What cannot be seen is noted in the report.
func (r *rehearsing) look(ctx context.Context, d *deployment, pages []string) sight {
	seen := sight{digests: map[string]rehearsal.Digests{}, logs: map[string]map[string]int64{}}
	var err error
	if seen.schema, err = r.schemaOf(ctx, d); err != nil {
		r.note("the schema was not compared: %v", err)
	}
	seen.pages = r.visit(ctx, d, pages)
	for _, app := range d.stored.Spec.Apps {
		if seen.digests[app.Name], err = r.digestsOf(ctx, d, app.Name); err != nil {
			r.note("the configuration of %s was not compared: %v", app.Name, err)
		}
		if seen.logs[app.Name], err = r.logSizes(ctx, d, app.Name); err != nil {
			r.note("the logs of %s were not looked at: %v", app.Name, err)
		}
	}
	return seen
}

// examine compares what the deployment left with what was there before, and runs the checks of
// the project. After a deployment that failed there are logs only, in the containers of before.
func (r *rehearsing) examine(ctx context.Context, before sight) {
	if r.next.reach != platform.Live {
		r.newErrors(ctx, r.base, before)
		return
	}
	r.job.Log.Line(1, "Comparing the copy with what it was before")
	after := r.look(ctx, r.next, r.pages())
	r.runChecks(ctx)
	r.report.Schema = rehearsal.CompareSchemas(before.schema, after.schema)
	r.report.Pages = rehearsal.ComparePages(before.pages, after.pages)
	for _, app := range slices.Sorted(maps.Keys(after.digests)) {
		if was, existed := before.digests[app]; existed {
			r.report.Config = append(r.report.Config, rehearsal.CompareDigests(app, was, after.digests[app])...)
		}
	}
	r.newErrors(ctx, r.next, before)
}

// pages are those that the rehearsal was asked for, those of the project, and the front page.
func (r *rehearsing) pages() []string {
	pages := []string{"/"}
	if asked := r.job.Activity.Parameters[platform.ParameterPages]; asked != "" {
		pages = append(pages, strings.Split(asked, "\n")...)
	}
	if m := r.next.manifest; m != nil {
		pages = append(pages, m.Env.WarmUpPages()...)
		for _, app := range m.Apps {
			pages = append(pages, app.Rehearse.Pages...)
		}
	}
	var once []string
	for _, p := range pages {
		if !slices.Contains(once, p) && len(once) < maxRehearsedPages {
			once = append(once, p)
		}
	}
	return once
}

// visit requests pages of a release. Those that its routes do not have are left out.
func (r *rehearsing) visit(ctx context.Context, d *deployment, pages []string) []platform.PageVisit {
	var asked, urls []string
	for _, p := range pages {
		if u, _ := topology.WarmUp([]string{p}, d.release.Routes); len(u) == 1 {
			asked, urls = append(asked, p), append(urls, u[0])
		}
	}
	if len(urls) == 0 {
		return nil
	}
	visits := d.s.Warmer.Visit(ctx, urls)
	for i := range visits {
		visits[i].Path = asked[i]
	}
	return visits
}

// Schemas of the database server itself do not count.
const ofProjects = " WHERE table_schema NOT IN ('mysql', 'sys', 'information_schema', 'performance_schema') "

const schemaQuery = "SELECT 'column', CONCAT(table_schema, '.', table_name), column_name, column_type, is_nullable, IFNULL(column_default, '') FROM information_schema.columns" + ofProjects +
	"LIMIT 200000;\n" +
	"SELECT 'index', CONCAT(table_schema, '.', table_name), index_name, non_unique, GROUP_CONCAT(column_name ORDER BY seq_in_index) FROM information_schema.statistics" + ofProjects +
	"GROUP BY table_schema, table_name, index_name, non_unique LIMIT 200000;\n"

// schemaOf reads the definitions of all databases.
func (r *rehearsing) schemaOf(ctx context.Context, d *deployment) (rehearsal.Schema, error) {
	schema := rehearsal.Schema{}
	for _, service := range d.stored.Spec.Services {
		if !isDatabase(service) {
			continue
		}
		rows, err := d.s.query(ctx, d.env.ID(), service, schemaQuery)
		if err != nil {
			return nil, err
		}
		for _, row := range rows {
			switch {
			case len(row) == 6 && row[0] == "column" && row[1] != "CONCAT(table_schema, '.', table_name)":
				schema.AddColumn(service.Name+"/"+row[1], row[2], row[3], row[4], strings.TrimPrefix(row[5], "NULL"))
			case len(row) == 5 && row[0] == "index" && row[1] != "CONCAT(table_schema, '.', table_name)":
				schema.AddIndex(service.Name+"/"+row[1], row[2], row[3], row[4])
			}
		}
	}
	return schema, nil
}

// maxOutput bounds what is read of a command in a container.
const maxOutput = 1 << 20

// in runs a script in an application's container and returns what it printed.
func (r *rehearsing) in(ctx context.Context, d *deployment, app, script string, env map[string]string, args ...string) (string, error) {
	out := &bounded{left: maxOutput}
	code, err := d.s.Engine.Exec(ctx, engine.ExecRequest{
		Environment: d.env.ID(), Release: d.release.ID, Container: app, Dir: contract.AppDir, Env: env, Stdout: out,
		Command: append([]string{"/bin/sh", "-c", script, "rehearsal"}, args...),
	})
	if err == nil && code != 0 {
		err = fmt.Errorf("status %d", code)
	}
	return out.String(), err
}

// bounded keeps the beginning of what is written to it.
type bounded struct {
	bytes.Buffer
	left int
}

// Write implements io.Writer and never fails.
func (b *bounded) Write(p []byte) (int, error) {
	n := min(len(p), b.left)
	b.left -= n
	_, _ = b.Buffer.Write(p[:n]) // never fails
	return len(p), nil
}

// digestsOf lists the configuration of a Magento, or of what has files like it.
func (r *rehearsing) digestsOf(ctx context.Context, d *deployment, app string) (rehearsal.Digests, error) {
	out, err := r.in(ctx, d, app, "[ -x "+contract.ToolkitPath+" ] || exit 0; exec "+contract.DigestCommand,
		map[string]string{contract.DigestSecretVariable: r.secret()})
	return rehearsal.ParseDigests(out), err
}

// The scripts about logs. Hooks' output is in the activity's log, and accesses are no errors.
const (
	logSizesScript = `for f in "$1"/*.log "$2"/var/log/*.log "$2"/var/report/*; do
	case $f in *[![:alnum:]/._-]*|*/access.log|*/deploy.log|*/post-deploy.log|*/post_deploy.log) continue;; esac
	[ -f "$f" ] && printf '%s\t%s\n' "$(wc -c <"$f")" "$f"
done
:`
	logTailScript = `tail -c "+$2" -- "$1" | head -c 524288`
)

func (r *rehearsing) logSizes(ctx context.Context, d *deployment, app string) (map[string]int64, error) {
	out, err := r.in(ctx, d, app, logSizesScript, nil, contract.LogDir, contract.AppDir)
	sizes := map[string]int64{}
	for line := range strings.Lines(out) {
		size, name, _ := strings.Cut(strings.TrimRight(line, "\n"), "\t")
		if n, err := strconv.ParseInt(strings.TrimSpace(size), 10, 64); err == nil {
			sizes[name] = n
		}
	}
	return sizes, err
}

// newErrors adds what was logged since before.
func (r *rehearsing) newErrors(ctx context.Context, d *deployment, before sight) {
	for _, app := range d.stored.Spec.Apps {
		sizes, err := r.logSizes(ctx, d, app.Name)
		if err != nil {
			r.note("the logs of %s were not looked at: %v", app.Name, err)
			continue
		}
		for _, name := range slices.Sorted(maps.Keys(sizes)) {
			was := before.logs[app.Name][name]
			if sizes[name] == was {
				continue
			}
			if sizes[name] < was {
				was = 0 // another file by that name
			}
			added, err := r.in(ctx, d, app.Name, logTailScript, nil, name, strconv.FormatInt(was+1, 10))
			if err != nil {
				r.note("the log %s of %s was not read: %v", name, app.Name, err)
				continue
			}
			r.addLog(app.Name, name, added)
		}
	}
	for _, w := range d.stored.Spec.Workers {
		var out bounded
		out.left = maxOutput
		if err := d.s.Engine.Logs(ctx, d.env.ID(), d.release.ID, w.Name, 1000, &out); err != nil && !errors.Is(err, engine.ErrNotFound) {
			r.note("the output of %s was not read: %v", w.Name, err)
			continue
		}
		r.report.Logs = append(r.report.Logs, rehearsal.ErrorsIn(w.Name, out.String())...)
	}
}

// addLog adds the errors of a log. An error report of Magento is an error as a whole.
func (r *rehearsing) addLog(app, name, added string) {
	short := strings.TrimPrefix(name, contract.AppDir+"/")
	if strings.HasPrefix(short, "var/report/") {
		r.report.Logs = append(r.report.Logs, rehearsal.Line{Log: app + ": var/report", Text: rehearsal.Printable(added), Count: 1, Severe: true})
		return
	}
	r.report.Logs = append(r.report.Logs, rehearsal.ErrorsIn(app+": "+short, added)...)
}

var errCheckTime = fmt.Errorf("it did not end within %s", checkTime)

// runChecks runs the checks that the project names.
func (r *rehearsing) runChecks(ctx context.Context) {
	for _, app := range r.next.manifest.Apps {
		for _, check := range app.Rehearse.Checks {
			r.report.Checks = append(r.report.Checks, r.runCheck(ctx, app.Name, check))
		}
	}
}

func (r *rehearsing) runCheck(ctx context.Context, app string, check manifest.Check) rehearsal.Check {
	r.job.Log.Line(1, "Running check %s of application %s", rehearsal.Printable(check.Name), app)
	out := r.job.Log.At(2)
	defer func() { _ = out.Close() }() // never fails
	said := &bounded{left: maxOutput}
	ctx, cancel := context.WithTimeoutCause(ctx, checkTime, errCheckTime)
	defer cancel()
	began := time.Now()
	both := io.MultiWriter(out, said)
	code, err := r.next.s.Engine.Exec(ctx, engine.ExecRequest{
		Environment: r.next.env.ID(), Release: r.next.release.ID, Container: app, Dir: contract.AppDir,
		Command: inEnvironment([]string{"/bin/sh", "-c", check.Script}), Stdout: both, Stderr: both,
	})
	c := rehearsal.Check{App: app, Name: rehearsal.Printable(check.Name), Status: code, Seconds: time.Since(began).Seconds()}
	if err != nil {
		c.Error = rehearsal.Printable(err.Error())
	}
	if err != nil || code != 0 {
		c.Output = rehearsal.Tail(said.String(), 20)
	}
	return c
}
