package deploy

import (
	"context"
	"io"
	"io/fs"
	"time"

	"sluice/internal/catalog"
	"sluice/internal/platform"
	"sluice/internal/snapshot"
	"sluice/internal/work"
)

// Records is everything that the pipeline keeps.
type Records interface {
	// Project returns CodeNotFound when there is none.
	Project(ctx context.Context, id string) (platform.Project, error)
	// ProjectLoad returns how many environments a project has, and how many activities wait.
	// It returns CodeConflict for a project that is being deleted.
	ProjectLoad(ctx context.Context, project string) (environments, pending int, err error)
	// CloseProject begins the deletion of a project: nothing of it is queued or claimed any
	// more, and what waited is cancelled and returned. It returns CodeConflict while an
	// activity of the project is in progress.
	CloseProject(ctx context.Context, id string) (cancelled []platform.Activity, err error)
	// Variables returns the variables that apply to an environment, lowest precedence
	// first: project, inherited from parents, the environment's own. env is the name of the
	// environment.
	Variables(ctx context.Context, project, env string) ([]platform.Variable, error)
	// Domains lists a project's domains, the default one first.
	Domains(ctx context.Context, project string) ([]platform.Domain, error)

	// Environment returns CodeNotFound when there is none.
	Environment(ctx context.Context, project, name string) (platform.Environment, error)
	// Environments lists a project's environments, or all when project is "", sorted by
	// project.
	Environments(ctx context.Context, project string) ([]platform.Environment, error)
	// SaveEnvironment creates or replaces. It chooses Subnet when that is empty, never
	// one that another environment has, and returns what was saved.
	SaveEnvironment(ctx context.Context, env platform.Environment) (platform.Environment, error)
	// CheckIdentity returns CodeConflict when an environment that does not exist yet would
	// share its identifier or its host name with another one.
	CheckIdentity(ctx context.Context, env platform.Environment) error
	// DeleteEnvironment removes the record and its releases. Deleting one that is gone is
	// not an error.
	DeleteEnvironment(ctx context.Context, project, name string) error

	// Activity returns CodeNotFound when there is none.
	Activity(ctx context.Context, id string) (platform.Activity, error)
	// Activities lists the activities that the filter selects, newest first.
	Activities(ctx context.Context, f platform.ActivityFilter) ([]platform.Activity, error)
	// Unfinished lists activities in progress, oldest first.
	Unfinished(ctx context.Context) ([]platform.Activity, error)

	// NextRelease returns an identifier not used before in the environment: "r1", "r2", ...
	NextRelease(ctx context.Context, project, env string) (string, error)
	// SaveRelease creates or replaces; Spec is sealed before it is written.
	SaveRelease(ctx context.Context, r platform.Release) error
	// Release returns CodeNotFound when there is none.
	Release(ctx context.Context, project, env, id string) (platform.Release, error)
	// ForgetSlugs takes the slugs, which were deleted, out of the record of a release.
	ForgetSlugs(ctx context.Context, project, env, id string) error
	// Releases lists an environment's releases without their Spec, newest first.
	Releases(ctx context.Context, project, env string) ([]platform.Release, error)

	// BeginRehearsal stores the record of a rehearsal whose environment is about to be made, and
	// returns it with a network that nothing else has. It can run twice.
	BeginRehearsal(ctx context.Context, r platform.Rehearsal) (platform.Rehearsal, error)
	// SaveRehearsal replaces the record; an empty Subnet frees it. One that never began is no error.
	SaveRehearsal(ctx context.Context, r platform.Rehearsal) error
	// Rehearsal returns CodeNotFound when the activity was none.
	Rehearsal(ctx context.Context, activity string) (platform.Rehearsal, error)
	// LastRehearsal returns the newest one of a tree that has a report, or CodeNotFound.
	LastRehearsal(ctx context.Context, project, env, tree string) (platform.Rehearsal, error)
	// Rehearsals lists those of a project whose slugs are kept, newest first.
	Rehearsals(ctx context.Context, project string) ([]platform.Rehearsal, error)

	// LastKey returns the parts of the key of the application's newest slug, as stored by SaveKey.
	LastKey(ctx context.Context, project, app string) (parts map[string]string, ok bool, err error)
	SaveKey(ctx context.Context, project, app string, parts map[string]string) error
}

// Source reads pushed trees.
type Source interface {
	// Tree opens the tree of a commit for reading. quarantine is Push.Quarantine, empty
	// for accepted commits. The returned tree must be closed.
	Tree(ctx context.Context, project, commit string, quarantine []string) (Tree, error)
	// Checkout makes dir hold the files of the directory root of the commit and nothing
	// else. Files that did not change since the last Checkout into dir keep their times.
	Checkout(ctx context.Context, project, commit, root, dir string) error
}

// Tree is the tree of one commit: fs.FS, fs.ReadDirFS, fs.StatFS and fs.ReadFileFS.
type Tree interface {
	fs.FS
	// Digest returns a digest over mode, path and content of every file below root but
	// for the excluded paths (slash-separated, relative to root; a directory excludes
	// what is below it).
	Digest(root string, exclude []string) (string, error)
	// TreeID returns Git's id of the directory.
	TreeID(root string) (string, error)
	io.Closer
}

// Images makes catalog images available to the engine and the builder.
type Images interface {
	// Ensure returns the image, assembling or pulling it when it is not there yet.
	// Progress goes to log. It is safe for concurrent use; the same image is made once.
	Ensure(ctx context.Context, img catalog.Image, log io.Writer) (platform.ImageRef, error)
}

// Gate is the router as the pipeline sees it.
type Gate interface {
	// Hold makes new requests wait and returns when those in flight are done or the drain
	// limit has passed. Holding twice for the same activity keeps the first deadline.
	Hold(ctx context.Context, h platform.Hold) (platform.HoldReport, error)
	// Commit changes what the router does at the hold's deadline to platform.Maintain.
	// Without a hold it does nothing.
	Commit(ctx context.Context, env platform.EnvironmentID) error
	// Publish sets the routes and backends of an environment and releases its hold, if
	// there is one, to them. It also ends maintenance.
	Publish(ctx context.Context, p platform.Publication) (platform.HoldReport, error)
	// Close sends the maintenance page to all requests of the environment, waiting ones
	// included, until the next Publish.
	Close(ctx context.Context, env platform.EnvironmentID, message string) (platform.HoldReport, error)
	// Offer makes a release known that has started and does not serve yet: operators who
	// bypass the hold see it. It ends with the hold.
	Offer(ctx context.Context, p platform.Publication) error
	// Configure sets what the router does for an environment besides its routes, at once.
	Configure(ctx context.Context, env platform.EnvironmentID, s platform.EdgeSettings) error
	// Bypass returns a path on the environment's hosts that makes a browser bypass holds and
	// maintenance, and until when it does.
	Bypass(ctx context.Context, env platform.EnvironmentID, life time.Duration) (path string, until time.Time, err error)
	// LastHold returns the report of the present or the last hold, up to date.
	LastHold(ctx context.Context, env platform.EnvironmentID) (platform.HoldReport, error)
	// Forget removes the environment from the router.
	Forget(ctx context.Context, env platform.EnvironmentID) error
}

// Journal lets a pusher read along.
type Journal interface {
	// Follow copies an activity's log to w from its beginning until it is sealed or ctx ends.
	Follow(ctx context.Context, activity string, w io.Writer) error
}

// Repositories looks after the Git repositories and changes their branches.
type Repositories interface {
	// SetBranch moves a branch from one commit to another; from is "" for one that must not
	// exist yet, and to is "" to delete it. A branch that is at to already, or gone already, is
	// no error; one that is elsewhere is CodeConflict, and then nothing was changed.
	SetBranch(ctx context.Context, project, branch, from, to string) error
	// Merge makes the commit that a branch at Into has after the request, and moves no branch.
	// It returns a *platform.ConflictError when both sides change the same places, and
	// CodeConflict for histories without a common commit.
	Merge(ctx context.Context, req platform.MergeRequest) (commit string, err error)
	// Distance returns how many commits one has that the other lacks, and the other way round.
	Distance(ctx context.Context, project, one, other string) (ahead, behind int, err error)
	// Tidy packs a project's repository and removes what nothing refers to.
	Tidy(ctx context.Context, project string) error
}

// Toolkits are the executables of the toolkit that this machine has for containers.
type Toolkits interface {
	// Installed lists their paths.
	Installed(ctx context.Context) ([]string, error)
	// Remove deletes one of them.
	Remove(ctx context.Context, path string) error
}

// Authority is the router's local certificate authority.
type Authority interface {
	// Certificate returns its certificate, PEM; "" while there is none.
	Certificate(ctx context.Context) string
}

// Warmer requests pages of a site.
type Warmer interface {
	// Warm requests every URL, a few at a time, and reports one line for each to log. A
	// page that fails is reported and is not an error.
	Warm(ctx context.Context, urls []string, log io.Writer) error
	// WarmHeld does so while requests are held, with the path that Gate.Bypass returns.
	WarmHeld(ctx context.Context, link string, urls []string, log io.Writer) error
	// Visit requests every URL past all caches, and returns what came of each, in their order.
	// The Path of each is the URL.
	Visit(ctx context.Context, urls []string) []platform.PageVisit
}

// Snapshots puts data in place of an environment's; see snapshot.Store.
type Snapshots interface {
	Take(ctx context.Context, req snapshot.Request, log io.Writer) (snapshot.Snapshot, error)
	Plant(ctx context.Context, req snapshot.PlantRequest, log io.Writer) (before snapshot.Snapshot, err error)
	Snapshot(ctx context.Context, id string) (snapshot.Snapshot, error)
	List(ctx context.Context, env platform.EnvironmentID) ([]snapshot.Snapshot, error)
	Remove(ctx context.Context, id string) error
	Usage(ctx context.Context, env platform.EnvironmentID) (snapshot.Usage, error)
}

// Backups are what was backed up.
type Backups interface {
	// Fetch makes a snapshot of what a backup holds, with the reason FetchedFor. It can run twice.
	Fetch(ctx context.Context, backup string, env platform.EnvironmentID, log io.Writer) (snapshot string, m platform.BackupManifest, err error)
	// Keep makes a backup as a part of an activity that has locked the environment, and returns
	// when it is stored. With an error nothing is left of it.
	Keep(ctx context.Context, env platform.Environment, req KeepRequest, log *work.Logbook) (platform.Backup, error)
	// Backups lists the backups of an environment, newest first.
	Backups(ctx context.Context, project, env string) ([]platform.Backup, error)
}

// KeepRequest says what a backup is made before.
type KeepRequest struct {
	Reason    string // for people
	Before    string // the release; empty when the data is not complete even now
	Activity  string // that makes it
	ExpiresAt time.Time
}

// Crons is the scheduler as the pipeline sees it.
type Crons interface {
	// Suspend starts no further job of the environment, stops the running one (SIGTERM,
	// then SIGKILL after its shutdown time) and returns when it is gone.
	Suspend(ctx context.Context, env platform.EnvironmentID) error
	// Resume replaces the environment's plan and starts scheduling it.
	Resume(plan platform.CronPlan)
	// Forget removes the environment's plan.
	Forget(ctx context.Context, env platform.EnvironmentID) error
}
