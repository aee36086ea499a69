package httpapi

import (
	"context"
	"encoding/json"
	"io"
	"iter"
	"time"

	"sluice/apiv1"
	"sluice/internal/platform"
)

// Projects keeps the projects.
type Projects interface {
	// CreateProject makes a project and its repository and returns what was stored. ID,
	// Title and DefaultBranch are set and valid. It returns CodeConflict when the ID is taken.
	CreateProject(ctx context.Context, p platform.Project) (platform.Project, error)
	// Project returns CodeNotFound when there is none.
	Project(ctx context.Context, id string) (platform.Project, error)
	// Projects lists all projects by ID.
	Projects(ctx context.Context) ([]platform.Project, error)
	// DeleteProject removes the project with its environments, data and code.
	DeleteProject(ctx context.Context, id string) error
}

// Environments reads environments.
type Environments interface {
	// Environment returns CodeNotFound when there is none.
	Environment(ctx context.Context, project, name string) (platform.Environment, error)
	// Environments lists a project's environments.
	Environments(ctx context.Context, project string) ([]platform.Environment, error)
}

// Settings changes what users set on environments.
type Settings interface {
	// ChangeEnvironment applies a change at once and returns the environment. It returns
	// CodeInvalid for what cannot be carried out; then nothing was changed.
	ChangeEnvironment(ctx context.Context, project, env string, change platform.EnvironmentChange) (platform.Environment, error)
	// Bypass returns a link that lets its holder past holds and maintenance, for life or,
	// when that is 0, an hour.
	Bypass(ctx context.Context, project, env string, life time.Duration) (link string, until time.Time, err error)
}

// Deployments starts and cancels activities. An operation that the environment's state
// does not allow is CodeConflict.
type Deployments interface {
	// Redeploy queues a deployment of what the branch points at; params are push options.
	Redeploy(ctx context.Context, project, env string, by platform.Actor, params map[string]string) (platform.Activity, error)
	// Activate queues the first deployment of an inactive environment.
	Activate(ctx context.Context, project, env string, by platform.Actor) (platform.Activity, error)
	// Deactivate queues the removal of an environment's containers.
	Deactivate(ctx context.Context, project, env string, by platform.Actor) (platform.Activity, error)
	// Cancel returns CodeConflict when the activity can no longer be cancelled.
	Cancel(ctx context.Context, activityID string, by platform.Actor) (platform.Activity, error)
}

// Activities reads the record of work.
type Activities interface {
	// Activity returns CodeNotFound when there is none.
	Activity(ctx context.Context, id string) (platform.Activity, error)
	// Activities lists what the filter selects, newest first.
	Activities(ctx context.Context, filter platform.ActivityFilter) ([]platform.Activity, error)
}

// Journal reads the logs of activities.
type Journal interface {
	// Entries yields the entries of an activity's log whose ID is at least from, in order.
	// It may go on with entries as they are written, and then ends soon after the activity
	// has; or it may end with what there is, and is asked again. It ends when ctx does. A log
	// that does not exist is empty.
	Entries(ctx context.Context, id string, from int) iter.Seq2[platform.LogEntry, error]
}

// Variables keeps project and environment variables.
type Variables interface {
	// Variables returns the variables that apply to an environment, lowest precedence
	// first: project, inherited from parents, its own. Disabled ones and what they hide
	// need not be there.
	Variables(ctx context.Context, project, env string) ([]platform.Variable, error)
	// OwnVariables returns all variables that are set on the very environment, or, when env
	// is empty, on the project.
	OwnVariables(ctx context.Context, project, env string) ([]platform.Variable, error)
	// SaveVariable creates or replaces the variable on v.Environment, or on the project.
	SaveVariable(ctx context.Context, project string, v platform.Variable) error
	// DeleteVariable removes a variable from an environment, or, when env is empty, from
	// the project. It may return CodeNotFound for one that is gone.
	DeleteVariable(ctx context.Context, project, env, name string) error
}

// Cache is what the router keeps of environments' answers.
type Cache interface {
	// Purge removes answers. It returns CodeInvalid for what is no URL, CodeNotFound for an
	// environment that the router does not know and CodeUnavailable when none answers.
	Purge(ctx context.Context, env platform.EnvironmentID, p platform.Purge) (platform.PurgeReport, error)
}

// Runner runs commands in applications.
type Runner interface {
	// Run runs a command in a web container of an application and returns its exit status;
	// app may be empty when there is one application. With tty, stdin is a *Terminal and all
	// output goes to stdout. When ctx ends, the command is ended.
	Run(ctx context.Context, project, env, app string, argv []string, tty bool,
		stdin io.Reader, stdout, stderr io.Writer) (int, error)
}

// Terminal is the input of a command that runs on a terminal.
type Terminal struct {
	io.Reader
	// Sizes receives the size of the user's terminal at the start and when it changes;
	// only the latest is kept for a slow reader. Nobody needs to read it.
	Sizes <-chan apiv1.Size
}

// Inspector looks into running environments.
type Inspector interface {
	// Relationships returns what an application is connected to, in the shape of spec
	// platform 6.2; app may be empty when there is one application.
	Relationships(ctx context.Context, project, env, app string) (json.RawMessage, error)
	// Logs writes the last lines of a log of an application to w, all of them when lines is
	// 0. kind is "app", "access", "error", "cron", "deploy", ...; CodeNotFound for one that
	// does not exist.
	Logs(ctx context.Context, project, env, app, kind string, lines int, w io.Writer) error
	// Routes returns the published routes, none for an environment that has no release.
	Routes(ctx context.Context, project, env string) ([]platform.Route, error)
}

// Planner says what a push would do.
type Planner interface {
	// Plan returns the plan of a push as JSON. The environment need not exist. Nothing is
	// changed.
	Plan(ctx context.Context, project, env string, req apiv1.PlanRequest) (json.RawMessage, error)
}

// Domains keeps the domains of projects.
type Domains interface {
	// Domains lists a project's domains, the default one first.
	Domains(ctx context.Context, project string) ([]platform.Domain, error)
	// AddDomain stores a domain, whose name is valid; the first of a project becomes the
	// default. It returns CodeConflict when there is one of that name, also elsewhere.
	AddDomain(ctx context.Context, d platform.Domain) (platform.Domain, error)
	// SetDefaultDomain returns CodeNotFound when the project has none of that name.
	SetDefaultDomain(ctx context.Context, project, name string) error
	// DeleteDomain returns CodeNotFound when the project has none of that name.
	DeleteDomain(ctx context.Context, project, name string) error
}

// Certificates keeps uploaded certificates and knows what visitors are shown.
type Certificates interface {
	// Certificates lists the uploaded certificates of a project.
	Certificates(ctx context.Context, project string) ([]platform.Certificate, error)
	// AddCertificate stores a certificate, which is valid, and has it shown. It returns
	// CodeConflict when the project has it.
	AddCertificate(ctx context.Context, c platform.Certificate) (platform.Certificate, error)
	// DeleteCertificate returns CodeNotFound when the project has none with this ID.
	DeleteCertificate(ctx context.Context, project, id string) error
	// Shown says what the router shows for every host, none without TLS.
	Shown(ctx context.Context) ([]platform.CertificateStatus, error)
}

// Authorizer decides who may do what.
type Authorizer interface {
	// Authorize returns the owner of a token that may read, or write, a project. An empty
	// project asks whether the token is any good at all, or, to write, whether it may make
	// projects. It returns CodeUnauthorized for an unknown token, CodeForbidden for one that
	// may not do this.
	Authorize(ctx context.Context, project, token string, write bool) (platform.Actor, error)
}

// Ports are what the API works with. None may be nil.
type Ports struct {
	Projects     Projects
	Environments Environments
	Settings     Settings
	Deployments  Deployments
	Activities   Activities
	Journal      Journal
	Variables    Variables
	Runner       Runner
	Inspector    Inspector
	Planner      Planner
	Domains      Domains
	Certificates Certificates
	Cache        Cache
	Authorizer   Authorizer
}
