package platform

import (
	"crypto/rand"
	"encoding/base32"
	"slices"
	"strings"
	"time"
)

// ActivityType names what an activity does, as clients of the API know it.
type ActivityType string

// The activity types.
const (
	ActivityPush       ActivityType = "environment.push"
	ActivityRedeploy   ActivityType = "environment.redeploy"
	ActivityActivate   ActivityType = "environment.activate"
	ActivityRollback   ActivityType = "environment.rollback" // deploys a stored release, see ParameterRelease
	ActivityDeactivate ActivityType = "environment.deactivate"

	ActivityBackup       ActivityType = "environment.backup"
	ActivityRestore      ActivityType = "environment.restore"
	ActivityBackupDelete ActivityType = "environment.backup.delete"
	ActivityBackupVerify ActivityType = "environment.backup.verify"
	ActivityPause        ActivityType = "environment.pause"
	ActivityResume       ActivityType = "environment.resume"
	ActivityDelete       ActivityType = "environment.delete"

	ActivityBranch      ActivityType = "environment.branch"
	ActivityMerge       ActivityType = "environment.merge"
	ActivitySynchronize ActivityType = "environment.synchronize"

	ActivityRehearse ActivityType = "environment.rehearse"
)

// ActivityTypes returns all of them.
func ActivityTypes() []ActivityType {
	return []ActivityType{
		ActivityPush, ActivityRedeploy, ActivityActivate, ActivityRollback, ActivityDeactivate,
		ActivityBackup, ActivityRestore, ActivityBackupDelete, ActivityBackupVerify,
		ActivityPause, ActivityResume, ActivityDelete, ActivityBranch, ActivityMerge, ActivitySynchronize, ActivityRehearse,
	}
}

// The parameters of a rollback.
const (
	ParameterRelease  = "release"   // the release to deploy again
	ParameterCodeOnly = "code_only" // true: whatever the data looks like
	ParameterSnapshot = "snapshot"  // the data to put in place
)

// ParameterBackup is the parameter of an activity about a backup that names it.
const ParameterBackup = "backup"

// ParameterBackupOf is the parameter of a restore that names the environment of which the backup
// is, when that is another one.
const ParameterBackupOf = "backup_of"

// The parameters of activities that bring something from another environment; their values
// are names of environments, or "true".
const (
	ParameterDataFrom     = "data_from"          // whose data becomes the environment's
	ParameterKeepPersonal = "keep_personal_data" // true: the data is not sanitised
	ParameterMergeFrom    = "merge_from"         // whose code is brought in
	ParameterRebase       = "rebase"             // true: below the environment's own commits, rather than joined with them
)

// The parameters of a rehearsal, and of a push that waits for one.
const (
	ParameterRehearseFrom = "rehearse_from"   // the environment whose code is deployed
	ParameterPages        = "pages"           // compared beside those of the project, separated by line feeds
	ParameterThenDeploy   = "then_deploy"     // true: the environment stays locked, as a push waits
	ParameterAfter        = "after_rehearsal" // the activity that has to succeed before
)

// ActivityState is where an activity is in its life.
type ActivityState string

// The activity states. Complete and cancelled are final.
const (
	ActivityPending    ActivityState = "pending"
	ActivityInProgress ActivityState = "in_progress"
	ActivityComplete   ActivityState = "complete"
	ActivityCancelled  ActivityState = "cancelled"
)

// Final reports whether the state can no longer change.
func (s ActivityState) Final() bool { return s == ActivityComplete || s == ActivityCancelled }

// ActivityResult is empty until the activity is complete.
type ActivityResult string

// The activity results.
const (
	ResultSuccess ActivityResult = "success"
	ResultFailure ActivityResult = "failure"
)

// Step is the name of one recorded step of an activity. The kind of the activity defines the
// steps and their order. A step is recorded before it begins, so after a crash it may have
// been done, half done or not at all; every step can run twice.
type Step string

// What the record of every activity says before its first step and after its last one.
const (
	StepQueued   Step = "queued"
	StepFinished Step = "finished"
)

// The steps of a deployment; the table in internal/plan says what each of them means.
const (
	StepBuild      Step = "build"       // slug looked up or built
	StepPrepare    Step = "prepare"     // images, services, new containers; the old release serves
	StepPreflight  Step = "preflight"   // disk, inodes, services reachable
	StepKeep       Step = "keep"        // the data backed up before what cannot be undone
	StepEarlyHook  Step = "early-hook"  // deploy hooks that say when they write, until they do
	StepFetch      Step = "fetch"       // of a restore: the data made available
	StepData       Step = "data"        // of a restore: containers stopped, the data replaced
	StepHold       Step = "hold"        // requests wait at the router
	StepQuiesce    Step = "quiesce"     // crons and workers of the old release stopped
	StepStart      Step = "start"       // new web containers on the mounts
	StepSanitize   Step = "sanitize"    // data of another environment made safe for this one
	StepDeployHook Step = "deploy-hook" // from here on data may be touched
	StepSwitch     Step = "switch"      // routes published, requests released to the new release
	StepRetire     Step = "retire"      // old release removed, .bak copies written
	StepPostDeploy Step = "post-deploy" // hook and warm-up on the live site
	StepBackground Step = "background"  // workers and crons of the new release started
)

// The steps of a backup and of its deletion and verification.
const (
	StepSnapshot Step = "snapshot" // the data copied as of one moment; from then on the environment is free
	StepSave     Step = "save"     // the copy saved in the repository
	StepForget   Step = "forget"   // a backup removed from the repository
	StepVerify   Step = "verify"   // a backup restored into a scratch directory and checked
)

// The steps of a rehearsal beside those of a deployment.
const (
	StepCopy     Step = "copy"     // a snapshot of production; from then on production is free
	StepRecreate Step = "recreate" // production's release on the copy, in an environment of its own
	StepExamine  Step = "examine"  // checks run, pages and logs looked at
	StepDiscard  Step = "discard"  // the environment and the copy removed
)

// StepMerge comes before a deployment that brings code from another branch.
const StepMerge Step = "merge" // the branch moved to what joins both

// The steps of activities that take something away: a deactivation has the first one only, a
// deletion both, a pause the last.
const (
	StepTeardown     Step = "teardown"      // containers, routes and data removed
	StepDeleteBranch Step = "delete-branch" // the branch and the record removed
	StepRest         Step = "rest"          // containers removed, the data stays
)

// Phase is the part of an activity that users know a step by.
type Phase string

// The three phases of a deployment, and the wait before them.
const (
	PhaseWait       Phase = "wait"
	PhaseBuild      Phase = "build"
	PhaseDeploy     Phase = "deploy"
	PhasePostDeploy Phase = "post-deploy"
)

// Reach says how far a deployment has come for visitors and data. Every value includes the
// ones before it.
type Reach int

// Served: the old release serves and nothing of it was changed. Held: requests wait at the
// router. Touched: data that outlives the release may have been written. Live: the new
// release serves.
const (
	Served Reach = iota
	Held
	Touched
	Live
)

// Activity is one recorded, asynchronous job on an environment.
type Activity struct {
	ID          string
	Type        ActivityType
	Project     string
	Environment string   // name of the environment
	Also        []string // names of other environments of the project that it locks
	Unlocked    bool     // it needs none of them any more; see work.Job.Unlock
	State       ActivityState
	Result      ActivityResult
	Actor       Actor
	Description string            // plain text, for people
	Commit      string            // what is deployed; empty when the type deploys nothing
	OldCommit   string            // what the branch pointed at before a push
	Parameters  map[string]string // push options and per-type values
	Step        Step              // the last step that was begun
	Phase       Phase             // of Step
	Completion  int               // percent of the steps that were begun
	Cancellable bool              // it has not begun what cannot be stopped half way
	Release     string            // id of the release this activity makes; set from StepPrepare on
	Reason      string            // why it failed or was cancelled; empty otherwise
	Hint        string            // what to do about Reason
	Commands    []CommandResult
	Hold        HoldReport
	Timings     []StepTiming
	CreatedAt   time.Time
	UpdatedAt   time.Time
	StartedAt   time.Time // zero until claimed
	CompletedAt time.Time // zero until final
}

// Locks reports whether the activity has an environment for itself while it runs.
func (a Activity) Locks(project, environment string) bool {
	return a.Project == project && (a.Environment == environment || slices.Contains(a.Also, environment))
}

// CommandResult is the outcome of one hook or operation.
type CommandResult struct {
	App      string
	Type     string // "build", "deploy", "post_deploy"
	ExitCode int
	Duration time.Duration
}

// StepTiming is how long one step took.
type StepTiming struct {
	Step     Step
	Phase    Phase
	Duration time.Duration
}

// NewID returns a random identifier of 13 lower-case base32 characters.
func NewID() string {
	var b [9]byte
	_, _ = rand.Read(b[:]) // never fails (crypto/rand)
	return strings.ToLower(base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(b[:]))[:13]
}
