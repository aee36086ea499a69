package httpapi

import (
	"context"
	"encoding/json"
	"io"
	"iter"
	"time"

	"sluice/apiv1"
	"sluice/internal/access"
	"sluice/internal/platform"
)

// Gate says who may do what.
type Gate interface {
	// Authorize returns nil when the subject has the permission on the project and, for a
	// permission about environments, on env; neither has to exist. It returns CodeNotFound
	// when the subject may not see the project, and CodeForbidden when it lacks a role.
	Authorize(ctx context.Context, by access.Subject, p access.Permission, project, env string) error
	// Record writes to the audit log that someone does something now. After an error it
	// must not be done.
	Record(ctx context.Context, by access.Subject, p access.Permission, project, env, detail string) error
}

// Projects keeps the projects.
type Projects interface {
	// CreateProject makes a project and its repository and returns what was stored; title
	// and branch may be empty. It returns CodeConflict when the ID is taken.
	CreateProject(ctx context.Context, by access.Subject, id, title, defaultBranch string) (platform.Project, error)
	// Project returns CodeNotFound when there is none.
	Project(ctx context.Context, id string) (platform.Project, error)
	// Projects lists all projects by ID.
	Projects(ctx context.Context) ([]platform.Project, error)
	// ChangeProject returns CodeInvalid for what cannot be carried out; then nothing was changed.
	ChangeProject(ctx context.Context, by access.Subject, id string, change platform.ProjectChange) (platform.Project, error)
	// DeleteProject removes the project with its environments, data and code.
	DeleteProject(ctx context.Context, by access.Subject, id string) error
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
	// Bypass returns a link that bypasses holds and maintenance, valid for life or, when
	// that is 0, for an hour.
	Bypass(ctx context.Context, project, env string, life time.Duration) (link string, until time.Time, err error)
}

// Deployments starts and cancels activities. An operation that the environment's state
// does not allow is CodeConflict.
type Deployments interface {
	// Redeploy queues a deployment of what the branch points at; params are push options.
	Redeploy(ctx context.Context, project, env string, by platform.Actor, params map[string]string) (platform.Activity, error)
	// Rollback queues the deployment of a release that served before. It returns CodeConflict
	// for one whose code may not fit the data, unless the request says that it does.
	Rollback(ctx context.Context, project, env string, req platform.RollbackRequest, by platform.Actor) (platform.Activity, error)
	// Activate queues the first deployment of an inactive environment.
	Activate(ctx context.Context, project, env string, req platform.CloneRequest, by platform.Actor) (platform.Activity, error)
	// Branch makes an environment from another one, and queues its first deployment.
	Branch(ctx context.Context, project string, req platform.BranchRequest, by platform.Actor) (platform.Activity, error)
	// Merge queues the merge of an environment's code into its parent.
	Merge(ctx context.Context, project, env string, by platform.Actor) (platform.Activity, error)
	// Synchronize queues the deployment of an environment with its parent's code or data.
	Synchronize(ctx context.Context, project, env string, req platform.SyncRequest, by platform.Actor) (platform.Activity, error)
	// Rehearse queues the rehearsal of a deployment to production; the activity is production's.
	Rehearse(ctx context.Context, project string, req platform.RehearseRequest, by platform.Actor) (platform.Activity, error)
	// Deactivate queues the removal of an environment's containers.
	Deactivate(ctx context.Context, project, env string, by platform.Actor) (platform.Activity, error)
	// Pause queues the removal of an environment's containers; its data stays.
	Pause(ctx context.Context, project, env string, by platform.Actor) (platform.Activity, error)
	// Resume queues the deployment of a paused environment.
	Resume(ctx context.Context, project, env string, by platform.Actor) (platform.Activity, error)
	// Delete queues the deletion of an environment with its branch. It returns CodeConflict
	// for one that is not inactive, unless withData says to delete its data too.
	Delete(ctx context.Context, project, env string, withData bool, by platform.Actor) (platform.Activity, error)
	// Cancel returns CodeConflict when the activity can no longer be cancelled.
	Cancel(ctx context.Context, activityID string, by platform.Actor) (platform.Activity, error)
}

// Activities reads the record of work.
type Activities interface {
	// Activity returns CodeNotFound when there is none.
	Activity(ctx context.Context, id string) (platform.Activity, error)
	// Activities lists what the filter selects, newest first.
	Activities(ctx context.Context, filter platform.ActivityFilter) ([]platform.Activity, error)
	// Rehearsal returns the record of a rehearsal, or CodeNotFound for another activity.
	Rehearsal(ctx context.Context, activity string) (platform.Rehearsal, error)
}

// Journal reads the logs of activities.
type Journal interface {
	// Entries yields the entries of an activity's log whose ID is at least from, in order.
	// It may go on with entries as they are written, and then ends soon after the activity
	// has; or it may end with what there is, and is asked again. It ends when ctx does. A log
	// that does not exist is empty.
	Entries(ctx context.Context, id string, from int) iter.Seq2[platform.LogEntry, error]
}

// Variables keeps the variables of projects (env is "") and environments.
type Variables interface {
	// Variables returns the variables of a level by name, inherited ones too.
	Variables(ctx context.Context, project, env string) (map[string]platform.Variable, error)
	// Variable returns CodeNotFound when the level neither has nor inherits one of that name.
	Variable(ctx context.Context, project, env, name string) (platform.Variable, error)
	// CreateVariable returns CodeConflict when the level has one of that name.
	CreateVariable(ctx context.Context, by access.Subject, project, env, name string, change platform.VariableChange) (platform.Variable, error)
	// ChangeVariable and DeleteVariable return CodeNotFound when the level itself has none
	// of that name.
	ChangeVariable(ctx context.Context, by access.Subject, project, env, name string, change platform.VariableChange) (platform.Variable, error)
	DeleteVariable(ctx context.Context, by access.Subject, project, env, name string) error
}

// Audit reads the audit log.
type Audit interface {
	// Audit lists entries, newest first.
	Audit(ctx context.Context, f platform.AuditFilter) ([]platform.AuditEntry, error)
}

// Cache is the router's HTTP cache.
type Cache interface {
	// Purge removes responses. It returns CodeInvalid for an invalid URL, CodeNotFound for an
	// environment that the router does not know and CodeUnavailable when no router runs.
	Purge(ctx context.Context, env platform.EnvironmentID, p platform.Purge) (platform.PurgeReport, error)
}

// Runner runs commands in applications.
type Runner interface {
	// Run runs a command in a web container of an application and returns its exit status;
	// app may be empty when there is one application. With tty, stdin is a *Terminal and all
	// output goes to stdout. When ctx ends, the command is ended.
	Run(ctx context.Context, project, env, app string, argv []string, tty bool,
		stdin io.Reader, stdout, stderr io.Writer) (int, error)
	// Database dumps a database of an application, or runs SQL in it, and returns the exit
	// status. What was written of a dump is not to be used when that is not 0. cmd.Dump.Gzip
	// is the caller's to carry out.
	Database(ctx context.Context, project, env string, cmd apiv1.DatabaseCommand,
		stdin io.Reader, stdout, stderr io.Writer) (int, error)
}

// Terminal is the input of a command that runs on a terminal.
type Terminal struct {
	io.Reader
	// Sizes receives the size of the user's terminal at the start and when it changes;
	// only the latest is kept for a slow reader. It need not be read.
	Sizes <-chan apiv1.Size
}

// Inspector looks into running environments.
type Inspector interface {
	// Relationships returns what an application is connected to, in the shape of
	// MAGENTO_CLOUD_RELATIONSHIPS; app may be empty when there is one application.
	Relationships(ctx context.Context, project, env, app string) (json.RawMessage, error)
	// LogNames lists the logs of an application.
	LogNames(ctx context.Context, project, env, app string) ([]string, error)
	// Logs writes the last lines of a log of an application to w, all of them when lines is
	// 0. kind is a name that LogNames returns; CodeNotFound for one that does not exist.
	Logs(ctx context.Context, project, env, app, kind string, lines int, w io.Writer) error
	// DiskUsage measures what the data takes.
	DiskUsage(ctx context.Context, project, env string) (platform.DiskUsage, error)
	// Releases lists the releases that served, newest first.
	Releases(ctx context.Context, project, env string) ([]platform.RollbackTarget, error)
	// Deployment returns what an environment serves, zero for one that has no release.
	Deployment(ctx context.Context, project, env string) (platform.Deployment, error)
}

// Planner says what a push would do.
type Planner interface {
	// Plan returns the plan of a push as JSON. The environment need not exist. Nothing is
	// changed.
	Plan(ctx context.Context, project, env string, req apiv1.PlanRequest) (json.RawMessage, error)
}

// Domains keeps the domains of projects. Changes return the activities that they started:
// production is deployed again when its routes change.
type Domains interface {
	// Domains lists a project's domains, the default one first.
	Domains(ctx context.Context, project string) ([]platform.Domain, error)
	// Domain, like all that follows, returns CodeNotFound when the project has none of that name.
	Domain(ctx context.Context, project, name string) (platform.Domain, error)
	// AddDomain returns CodeConflict when the domain exists, also in another project.
	AddDomain(ctx context.Context, by access.Subject, project, name string, byDefault bool) (platform.Domain, []platform.Activity, error)
	// VerifyDomain looks for the domain's TXT record; CodeConflict when it is not there.
	VerifyDomain(ctx context.Context, by access.Subject, project, name string) (platform.Domain, []platform.Activity, error)
	SetDefaultDomain(ctx context.Context, by access.Subject, project, name string) (platform.Domain, []platform.Activity, error)
	DeleteDomain(ctx context.Context, by access.Subject, project, name string) ([]platform.Activity, error)
}

// Certificates keeps uploaded certificates and knows what visitors are shown.
type Certificates interface {
	// Certificates lists the uploaded certificates of a project.
	Certificates(ctx context.Context, project string) ([]platform.Certificate, error)
	// AddCertificate stores a valid certificate and sends it to the router. It returns
	// CodeConflict when the project has it.
	AddCertificate(ctx context.Context, by access.Subject, c platform.Certificate) (platform.Certificate, error)
	// DeleteCertificate returns CodeNotFound when the project has none with this ID.
	DeleteCertificate(ctx context.Context, by access.Subject, project, id string) error
	// Shown says what the router shows for every host, none without TLS.
	Shown(ctx context.Context) ([]platform.CertificateStatus, error)
}

// Integrations keeps the integrations of projects. All but the list and AddIntegration return
// CodeNotFound when the project has none with this ID.
type Integrations interface {
	// Integrations lists them, oldest first.
	Integrations(ctx context.Context, project string) ([]platform.Integration, error)
	Integration(ctx context.Context, project, id string) (platform.Integration, error)
	// AddIntegration, like ChangeIntegration, returns CodeInvalid for what cannot work and
	// CodeConflict for one too many.
	AddIntegration(ctx context.Context, by access.Subject, project, kind string, change platform.IntegrationChange) (platform.Integration, error)
	ChangeIntegration(ctx context.Context, by access.Subject, project, id string, change platform.IntegrationChange) (platform.Integration, error)
	DeleteIntegration(ctx context.Context, by access.Subject, project, id string) error
	// CheckIntegration returns CodeInvalid when the receiver cannot be reached.
	CheckIntegration(ctx context.Context, project, id string) error
	// Deliveries lists what was sent, newest first.
	Deliveries(ctx context.Context, project, id string) ([]platform.Delivery, error)
	// Delivery returns one of any integration of the project.
	Delivery(ctx context.Context, project, id string) (platform.Delivery, error)
}

// Code reads repositories. All methods return CodeNotFound for what does not exist.
type Code interface {
	// Refs lists the branches.
	Refs(ctx context.Context, project string) ([]platform.Ref, error)
	Commit(ctx context.Context, project, id string) (platform.Commit, error)
	// Directory lists the entries of a tree, not of those below it.
	Directory(ctx context.Context, project, id string) ([]platform.TreeEntry, error)
	// Blob returns CodeInvalid for a file that is too large to be shown.
	Blob(ctx context.Context, project, id string) ([]byte, error)
}

// Ports are what the API works with. None may be nil.
type Ports struct {
	Gate         Gate
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
	Integrations Integrations
	Cache        Cache
	Code         Code
	Accounts     Accounts
	Audit        Audit
	Backups      Backups
}
