package platform

import (
	"crypto/rand"
	"encoding/base32"
	"slices"
	"strings"
	"time"
)

// ActivityType names what an activity does (spec: platform 5.2).
type ActivityType string

// The activity types of this release.
const (
	ActivityPush       ActivityType = "environment.push"
	ActivityRedeploy   ActivityType = "environment.redeploy"
	ActivityActivate   ActivityType = "environment.activate"
	ActivityDeactivate ActivityType = "environment.deactivate"
	ActivityDelete     ActivityType = "environment.delete"
	ActivityCron       ActivityType = "environment.cron"
)

// ActivityState is where an activity is in its life (spec: platform 5.1).
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

// Step is one recorded step of a deployment, in the order of Steps. A step is
// recorded before it begins, so after a crash it may have been done, half or not at all;
// every step can run twice.
type Step string

// The steps of a deployment (spec: platform 1.2; design: a push, end to end).
const (
	StepQueued     Step = "queued"      // waits for its turn
	StepBuild      Step = "build"       // slug looked up or built
	StepPrepare    Step = "prepare"     // images, services, new containers; old release serves
	StepPreflight  Step = "preflight"   // disk, inodes, services reachable
	StepEarlyHook  Step = "early-hook"  // deploy hooks that say when they write, until they do
	StepHold       Step = "hold"        // requests wait at the router
	StepQuiesce    Step = "quiesce"     // crons and workers of the old release stopped
	StepStart      Step = "start"       // new web containers on the mounts
	StepDeployHook Step = "deploy-hook" // from here on data may be touched
	StepSwitch     Step = "switch"      // routes published, requests released to the new release
	StepRetire     Step = "retire"      // old release removed, .bak copies written
	StepPostDeploy Step = "post-deploy" // hook and warm-up on the live site
	StepBackground Step = "background"  // workers and crons of the new release started
	StepFinished   Step = "finished"
)

// Steps returns all steps in the order in which a deployment takes them.
func Steps() []Step {
	return []Step{
		StepQueued, StepBuild, StepPrepare, StepPreflight, StepEarlyHook, StepHold, StepQuiesce, StepStart,
		StepDeployHook, StepSwitch, StepRetire, StepPostDeploy, StepBackground, StepFinished,
	}
}

// Before reports whether s comes before t in a deployment.
func (s Step) Before(t Step) bool {
	order := Steps()
	return slices.Index(order, s) < slices.Index(order, t)
}

// Phase is the part of a deployment that users know a step by.
type Phase string

// The three phases, and the wait before them.
const (
	PhaseWait       Phase = "wait"
	PhaseBuild      Phase = "build"
	PhaseDeploy     Phase = "deploy"
	PhasePostDeploy Phase = "post-deploy"
)

// Phase returns the phase that a step belongs to.
func (s Step) Phase() Phase {
	switch s {
	case StepQueued:
		return PhaseWait
	case StepBuild:
		return PhaseBuild
	case StepPostDeploy, StepBackground, StepFinished:
		return PhasePostDeploy
	default:
		return PhaseDeploy
	}
}

// Activity is one recorded, asynchronous job on an environment.
type Activity struct {
	ID          string
	Type        ActivityType
	Project     string
	Environment string // name of the environment
	State       ActivityState
	Result      ActivityResult
	Actor       Actor
	Description string            // plain text, for people
	Commit      string            // what is deployed; empty when the type deploys nothing
	OldCommit   string            // what the branch pointed at before a push
	Parameters  map[string]string // push options and per-type values
	Step        Step              // the last step that was begun
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
	Duration time.Duration
}

// NewID returns a random identifier of 13 lower-case base32 characters.
func NewID() string {
	var b [9]byte
	_, _ = rand.Read(b[:]) // never fails (crypto/rand)
	return strings.ToLower(base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(b[:]))[:13]
}
