package httpapitest

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"sluice/apiv1"
	"sluice/internal/access"
	"sluice/internal/account"
	"sluice/internal/account/accounttest"
	"sluice/internal/httpapi"
	"sluice/internal/platform"
	"sluice/internal/project"
)

// The tokens that a Platform knows. Admin may do everything, Owner everything with the
// project "shop", Contributor deploys its staging and development environments, and Reader
// only sees it.
const (
	Admin       = "admin-token"
	Owner       = "owner-token"
	Contributor = "contributor-token"
	Reader      = "reader-token"
)

// Platform is an in-memory platform. It is safe for concurrent use.
type Platform struct {
	// PlanFunc plans pushes; nil refuses to.
	PlanFunc func(project, env string, req apiv1.PlanRequest) (json.RawMessage, error)
	// RunFunc runs commands; nil refuses them.
	RunFunc func(ctx context.Context, argv []string, tty bool, stdin io.Reader, stdout, stderr io.Writer) (int, error)

	// Accounts are the users: jane, olga, cora and rita, with a token each.
	Accounts *accounttest.Memory

	// Providers are those that people can log in with.
	Providers []account.Provider

	mu         sync.Mutex
	changed    chan struct{} // closed and replaced at each change of a log or an activity
	now        time.Time
	projects   map[string]platform.Project
	envs       map[string]platform.Environment // by project/name
	activities []platform.Activity             // oldest first
	logs       map[string][]platform.LogEntry
	variables  map[string][]platform.Variable // by project

	backups      []platform.Backup
	domains      []platform.Domain
	certificates []platform.Certificate
	integrations []platform.Integration
	deliveries   []platform.Delivery
	audit        []platform.AuditEntry // oldest first
	txt          map[string][]string   // the DNS
}

// New returns a platform with the project "shop": the environments main (live), feature/x
// (inactive) and stage (live), some activities and some variables.
func New() *Platform {
	p := &Platform{
		changed:   make(chan struct{}),
		now:       time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC),
		projects:  map[string]platform.Project{},
		envs:      map[string]platform.Environment{},
		logs:      map[string][]platform.LogEntry{},
		variables: map[string][]platform.Variable{},
		txt:       map[string][]string{},
	}
	p.addUsers()
	p.addProject(platform.Project{ID: "shop", Title: "Example shop", DefaultBranch: "main"})
	p.addProject(platform.Project{ID: "other", Title: "Another", DefaultBranch: "master"})
	p.addEnvironment("main", platform.Production, platform.EnvironmentActive, "r12")
	p.addEnvironment("stage", platform.Staging, platform.EnvironmentActive, "r3")
	p.addEnvironment("feature/x", platform.Development, platform.EnvironmentInactive, "")
	p.variables["shop"] = []platform.Variable{
		{Name: "env:API_KEY", Value: "hunter2", Sensitive: true, VisibleRuntime: true, Enabled: true},
		{Name: "env:MODE", Value: "production", VisibleBuild: true, VisibleRuntime: true, Enabled: true},
		{Name: "env:MODE", Value: "staging", Environment: "stage", VisibleBuild: true, VisibleRuntime: true, Inheritable: true, Enabled: true},
		{Name: "php:memory_limit", Value: "2G", Environment: "main", VisibleRuntime: true, Inheritable: true, Enabled: true},
	}
	return p
}

// Ports returns the platform as the API sees it: with the real rules over records in memory.
func (p *Platform) Ports() httpapi.Ports {
	rules := project.New(project.Dependencies{
		Records: p, Repositories: noCode{}, Pipeline: p, Router: router{p}, Resolver: p, Receivers: p, Log: slog.New(slog.DiscardHandler),
	})
	accounts := account.New(account.Dependencies{Records: accountRecords{p.Accounts, p}, Authority: authority(), PasswordMemory: 64, Providers: p.Providers, Log: slog.New(slog.DiscardHandler)})
	return httpapi.Ports{
		Gate: rules, Accounts: accounts, Projects: rules, Audit: rules, Domains: rules, Certificates: rules, Integrations: rules, Variables: rules,
		Environments: p, Settings: p, Deployments: p, Activities: p, Journal: p, Runner: p, Inspector: p, Planner: p, Cache: p, Backups: p, Code: code{},
	}
}

func (p *Platform) addProject(project platform.Project) {
	project.CreatedAt, project.UpdatedAt = p.now, p.now
	p.projects[project.ID] = project
}

func (p *Platform) addEnvironment(name string, kind platform.EnvironmentType, status platform.EnvironmentStatus, release string) {
	machine := platform.MachineName("shop", name) // of the length that environments of earlier versions keep
	e := platform.Environment{
		Project: "shop", Name: name, MachineName: machine[:len(machine)-9], Type: kind, Status: status,
		HeadCommit: strings.Repeat("a", 40), Release: release, CreatedAt: p.now, UpdatedAt: p.now,
	}
	if name != "main" {
		e.Parent = "main"
	}
	if release != "" {
		e.DeployedAt = p.now
	}
	p.envs["shop/"+name] = e
}

// AddActivity stores an activity with the lines of its log. Empty fields are filled in.
func (p *Platform) AddActivity(a platform.Activity, lines ...string) platform.Activity {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.add(a, lines)
}

func (p *Platform) add(a platform.Activity, lines []string) platform.Activity {
	a.ID = cmp.Or(a.ID, fmt.Sprintf("act%010d", len(p.activities)+1))
	a.Project, a.Environment = cmp.Or(a.Project, "shop"), cmp.Or(a.Environment, "main")
	a.Type = cmp.Or(a.Type, platform.ActivityPush)
	a.State = cmp.Or(a.State, platform.ActivityPending)
	at(&a, cmp.Or(a.Step, platform.StepQueued))
	a.Description = cmp.Or(a.Description, "Jane Doe pushed to <"+a.Environment+">")
	if a.Actor == (platform.Actor{}) {
		a.Actor = platform.Actor{ID: "jane", Name: "Jane Doe"}
	}
	if a.CreatedAt.IsZero() {
		a.CreatedAt = p.now.Add(time.Duration(len(p.activities)) * time.Minute)
	}
	a.UpdatedAt = a.CreatedAt
	p.activities = append(p.activities, a)
	p.write(a.ID, lines)
	return a
}

// at moves an activity to a step, as a deployment records it.
func at(a *platform.Activity, step platform.Step) {
	a.Step, a.Phase, a.Completion, a.Cancellable = step, platform.PhaseDeploy, 35, false
	switch step {
	case platform.StepQueued:
		a.Phase, a.Completion, a.Cancellable = platform.PhaseWait, 0, true
	case platform.StepBuild:
		a.Phase, a.Completion, a.Cancellable = platform.PhaseBuild, 7, true
	case platform.StepPostDeploy, platform.StepFinished:
		a.Phase = platform.PhasePostDeploy
	default:
	}
	if a.State.Final() {
		a.Completion, a.Cancellable = 100, false
	}
}

// Log adds lines to the log of an activity.
func (p *Platform) Log(id string, lines ...string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.write(id, lines)
}

func (p *Platform) write(id string, lines []string) {
	for _, line := range lines {
		n := len(p.logs[id]) + 1
		p.logs[id] = append(p.logs[id], platform.LogEntry{ID: n, Time: p.now.Add(time.Duration(n) * time.Millisecond), Message: line})
	}
	close(p.changed)
	p.changed = make(chan struct{})
}

// Finish ends an activity as outcome says: "success", "build", "deploy", "post-deploy" or
// "cancelled".
func (p *Platform) Finish(id, outcome string) platform.Activity {
	p.mu.Lock()
	defer p.mu.Unlock()
	i := slices.IndexFunc(p.activities, func(a platform.Activity) bool { return a.ID == id })
	finish(&p.activities[i], outcome)
	p.write(id, nil)
	return p.activities[i]
}

func finish(a *platform.Activity, outcome string) {
	a.StartedAt = a.CreatedAt.Add(2 * time.Second)
	a.CompletedAt = a.CreatedAt.Add(44 * time.Second)
	a.UpdatedAt = a.CompletedAt
	a.State, a.Result = platform.ActivityComplete, platform.ResultFailure
	switch outcome {
	case "build":
		at(a, platform.StepBuild)
		a.Reason, a.Hint = "the build hook ended with status 2", "run the build hook on your machine"
		a.Commands = []platform.CommandResult{{App: "app", Type: "build", ExitCode: 2, Duration: 5 * time.Second}}
	case "deploy":
		at(a, platform.StepDeployHook)
		a.Reason = "the deploy hook ended with status 1"
	case "post-deploy":
		at(a, platform.StepPostDeploy)
		a.Reason = "the post-deploy hook ended with status 1"
	case "cancelled":
		a.State, a.Result, a.Reason = platform.ActivityCancelled, "", "cancelled by Jane Doe"
		at(a, a.Step)
	default:
		at(a, platform.StepFinished)
		a.Result, a.Release = platform.ResultSuccess, "r13"
		a.Timings = []platform.StepTiming{
			{Step: platform.StepBuild, Phase: platform.PhaseBuild, Duration: 30 * time.Second},
			{Step: platform.StepDeployHook, Phase: platform.PhaseDeploy, Duration: 9 * time.Second},
			{Step: platform.StepPostDeploy, Phase: platform.PhasePostDeploy, Duration: 3 * time.Second},
		}
		a.Hold = platform.HoldReport{
			StartedAt: a.CreatedAt, ReleasedAt: a.CreatedAt.Add(9500 * time.Millisecond), Held: 34, LongestWait: 9400 * time.Millisecond,
		}
	}
}

// SaveProject implements project.Records.
func (p *Platform) SaveProject(_ context.Context, project platform.Project) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.addProject(project)
	return nil
}

// Project implements project.Records.
func (p *Platform) Project(_ context.Context, id string) (platform.Project, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if id == "broken" {
		return platform.Project{}, fmt.Errorf("open /secret/place: %w", io.ErrUnexpectedEOF)
	}
	if id == "panics" {
		panic("a mistake in the program")
	}
	if project, ok := p.projects[id]; ok {
		return project, nil
	}
	return platform.Project{}, platform.Errorf(platform.CodeNotFound, "project %q not found", id)
}

// Projects implements project.Records.
func (p *Platform) Projects(context.Context) ([]platform.Project, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Collect(maps.Values(p.projects)), nil
}

// DeleteProject implements project.Records.
func (p *Platform) DeleteProject(_ context.Context, id string) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.projects, id)
	return nil
}

// Environment implements httpapi.Environments.
func (p *Platform) Environment(_ context.Context, project, name string) (platform.Environment, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if e, ok := p.envs[project+"/"+name]; ok {
		return e, nil
	}
	return platform.Environment{}, platform.Errorf(platform.CodeNotFound, "environment %q not found in project %s", name, project).
		WithHint("`sluice environment:list` shows the environments")
}

// Environments implements httpapi.Environments.
func (p *Platform) Environments(_ context.Context, project string) ([]platform.Environment, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.DeleteFunc(slices.Collect(maps.Values(p.envs)), func(e platform.Environment) bool { return e.Project != project }), nil
}

// Redeploy ends at once, as the parameter "fake" says; "never" leaves it in progress.
func (p *Platform) Redeploy(
	_ context.Context, project, env string, by platform.Actor, params map[string]string,
) (platform.Activity, error) {
	return p.operate(project, env, by, platform.ActivityRedeploy, params), nil
}

// Deactivate implements httpapi.Deployments.
func (p *Platform) Deactivate(_ context.Context, project, env string, by platform.Actor) (platform.Activity, error) {
	return p.operate(project, env, by, platform.ActivityDeactivate, nil), nil
}

// Pause implements httpapi.Deployments.
func (p *Platform) Pause(ctx context.Context, project, env string, by platform.Actor) (platform.Activity, error) {
	return p.move(ctx, access.Pause, project, env, by, platform.ActivityPause, platform.EnvironmentPaused)
}

// Resume implements httpapi.Deployments.
func (p *Platform) Resume(ctx context.Context, project, env string, by platform.Actor) (platform.Activity, error) {
	return p.move(ctx, access.Resume, project, env, by, platform.ActivityResume, platform.EnvironmentActive)
}

// move gives an environment another state, if the rules allow it.
func (p *Platform) move(
	ctx context.Context, allowed access.Permission, project, env string, by platform.Actor, kind platform.ActivityType, to platform.EnvironmentStatus,
) (platform.Activity, error) {
	e, err := p.Environment(ctx, project, env)
	if err == nil {
		err = access.State(allowed, p.projects[project], e)
	}
	if err != nil {
		return platform.Activity{}, err
	}
	e.Status = to
	p.mu.Lock()
	p.envs[project+"/"+env] = e
	p.mu.Unlock()
	return p.operate(project, env, by, kind, nil), nil
}

// Delete refuses what is not inactive, unless its data goes too.
func (p *Platform) Delete(ctx context.Context, project, env string, withData bool, by platform.Actor) (platform.Activity, error) {
	e, err := p.Environment(ctx, project, env)
	if err == nil {
		err = access.State(access.BranchDelete, p.projects[project], e)
	}
	if err == nil && e.Status != platform.EnvironmentInactive && !withData {
		err = platform.Errorf(platform.CodeConflict, "environment %s is %s; it was not deleted", env, e.Status)
	}
	if err != nil {
		return platform.Activity{}, err
	}
	a := p.operate(project, env, by, platform.ActivityDelete, nil)
	p.mu.Lock()
	delete(p.envs, project+"/"+env)
	p.mu.Unlock()
	return a, nil
}

func (p *Platform) operate(
	project, env string, by platform.Actor, kind platform.ActivityType, params map[string]string,
) platform.Activity {
	verb := strings.TrimPrefix(string(kind), "environment.")
	a := p.AddActivity(platform.Activity{
		Project: project, Environment: env, Type: kind, Actor: by, Parameters: params,
		Description: by.Name + " asked to " + verb + " " + env, State: platform.ActivityInProgress, Step: platform.StepBuild,
	}, "Processing activity", "  Redeploying environment "+env)
	if params["fake"] != "never" {
		p.Log(a.ID, "Done")
		p.Finish(a.ID, params["fake"])
	}
	return a
}

// Run calls RunFunc.
func (p *Platform) Run(
	ctx context.Context, _, _, app string, argv []string, tty bool, stdin io.Reader, stdout, stderr io.Writer,
) (int, error) {
	if p.RunFunc == nil || (app != "" && app != "app") {
		return 0, platform.Errorf(platform.CodeNotFound, "application %q not found", app).WithHint("leave -A away")
	}
	return p.RunFunc(ctx, argv, tty, stdin, stdout, stderr)
}

// Database has RunFunc run "mariadb-dump" or "mariadb" with what was asked for as words.
func (p *Platform) Database(
	ctx context.Context, project, env string, cmd apiv1.DatabaseCommand, stdin io.Reader, stdout, stderr io.Writer,
) (int, error) {
	argv := []string{"mariadb", cmd.Relationship, cmd.Schema, cmd.Query, strconv.FormatBool(cmd.Raw)}
	if d := cmd.Dump; d != nil {
		argv = []string{"mariadb-dump", cmd.Relationship, cmd.Schema, fmt.Sprint(d.Tables), fmt.Sprint(d.Exclude), strconv.FormatBool(d.SchemaOnly), d.Charset}
	}
	return p.Run(ctx, project, env, cmd.App, argv, cmd.TTY, stdin, stdout, stderr)
}

// Plan implements httpapi.Planner.
func (p *Platform) Plan(_ context.Context, project, env string, req apiv1.PlanRequest) (json.RawMessage, error) {
	if p.PlanFunc == nil {
		return nil, platform.Errorf(platform.CodeUnavailable, "nothing is planned here")
	}
	return p.PlanFunc(project, env, req)
}

// Relationships implements httpapi.Inspector.
func (p *Platform) Relationships(context.Context, string, string, string) (json.RawMessage, error) {
	return json.RawMessage(`{"database":[{"host":"database.internal","port":3306,"path":"main","username":"user"}]}`), nil
}

// LogNames implements httpapi.Inspector; the service "database" has one log.
func (p *Platform) LogNames(_ context.Context, _, _, app string) ([]string, error) {
	if app == "database" {
		return []string{"app"}, nil
	}
	return []string{"access", "app", "magento/exception"}, nil
}

// Logs knows the logs "app" and "access"; the latter has a request with an escape sequence.
func (p *Platform) Logs(_ context.Context, _, _, _, kind string, lines int, w io.Writer) error {
	if kind != "app" && kind != "access" {
		return platform.Errorf(platform.CodeNotFound, "log %q not found", kind).WithHint("the logs are app and access")
	}
	text := fmt.Sprintf("last %d lines of %s\n", lines, kind)
	if kind == "access" {
		text += "GET /\x1b]0;evil\a\n"
	}
	_, err := io.WriteString(w, text)
	return err
}

// Deployment gives each environment with a release an application, a worker, a service and
// three routes.
func (p *Platform) Deployment(ctx context.Context, project, env string) (platform.Deployment, error) {
	e, err := p.Environment(ctx, project, env)
	if err != nil || e.Release == "" {
		return platform.Deployment{}, err
	}
	return platform.Deployment{
		Release: e.Release, Commit: e.HeadCommit, At: e.DeployedAt, Routes: routes(e),
		Apps:    []platform.DeployedApp{{Name: "app", Config: json.RawMessage(appConfig)}},
		Workers: []platform.DeployedWorker{{Name: "app--queue", App: "app"}},
		Services: []platform.DeployedService{
			{Name: "database", Type: "mysql:10.11", Size: "S", Disk: 2048, Configuration: map[string]any{"schemas": []string{"main"}}},
			{Name: "cache", Type: "redis:7.2"},
		},
	}, nil
}

const appConfig = `{
	"name": "app", "type": "php:8.3", "disk": 1024, "mounts": {"/var": {"source": "local", "source_path": "var"}},
	"relationships": {"database": "database:mysql"}, "variables": {"env": {"MODE": "production"}},
	"crons": {"cron": {"spec": "*/5 * * * *", "cmd": "php bin/magento cron:run"}},
	"hooks": {"build": "composer install", "deploy": null, "post_deploy": null},
	"web": {"locations": {"/": {"root": "pub", "passthru": "/index.php"}}}, "runtime": {"extensions": ["redis"]},
	"workers": {"queue": {"commands": {"start": "php bin/magento queue:consumers:start async.operations.all"}}}
}`

func routes(e platform.Environment) []platform.Route {
	return []platform.Route{
		{URL: "http://" + e.Host() + ".localhost/", OriginalURL: "http://{default}/", Type: platform.RouteRedirect, To: "https://" + e.Host() + ".localhost/"},
		{URL: "https://admin." + e.Host() + ".localhost/", OriginalURL: "https://admin.{default}/", Type: platform.RouteUpstream, Upstream: "app"},
		{URL: "https://" + e.Host() + ".localhost/", OriginalURL: "https://{default}/", Type: platform.RouteUpstream, Upstream: "app", Primary: true, ID: "shop"},
	}
}
