package hal

import (
	"html"
	"net/url"
	"strings"

	"sluice/apiv1"
	"sluice/internal/access"
	"sluice/internal/platform"
)

// Activity renders an activity on an environment of a type. A cancelled one has failed:
// clients wait for a result.
func (v View) Activity(a platform.Activity, kind platform.EnvironmentType) apiv1.Activity {
	wire := apiv1.Activity{
		ID:                a.ID,
		Type:              string(a.Type),
		Parameters:        a.Parameters,
		Project:           a.Project,
		Environments:      append([]string{a.Environment}, a.Also...),
		State:             string(a.State),
		Result:            apiv1.NullString(a.Result),
		CompletionPercent: a.Completion,
		Timings:           wireTimings(a),
		Payload: apiv1.Payload{
			User:        apiv1.PayloadUser{ID: a.Actor.ID, DisplayName: a.Actor.Name},
			Project:     apiv1.PayloadRef{ID: a.Project},
			Environment: apiv1.PayloadRef{ID: a.Environment},
			OldCommit:   apiv1.NullString(a.OldCommit),
			NewCommit:   apiv1.NullString(a.Commit),
			BackupName:  apiv1.NullString(a.Parameters[platform.ParameterBackup]),
		},
		Description: html.EscapeString(strings.ReplaceAll(a.Description, "**", "")), // it is not Markdown, Text is
		Text:        a.Description,
		Commands:    []apiv1.Command{},
		CreatedAt:   apiv1.Time{Time: a.CreatedAt},
		UpdatedAt:   apiv1.Time{Time: a.UpdatedAt},
		StartedAt:   apiv1.Time{Time: a.StartedAt},
		CompletedAt: apiv1.Time{Time: a.CompletedAt},
		Step:        string(a.Step),
		Phase:       string(a.Phase),
		Steps:       []apiv1.Step{},
		Release:     apiv1.NullString(a.Release),
		Reason:      a.Reason,
		Hint:        a.Hint,
		Hold:        wireHold(a.Hold),
		Links:       v.activityLinks(a, kind),
	}
	if a.State == platform.ActivityCancelled {
		wire.CancelledAt, wire.Result = wire.CompletedAt, apiv1.ResultFailure
	}
	if wire.Parameters == nil {
		wire.Parameters = map[string]string{}
	}
	for _, c := range a.Commands {
		wire.Commands = append(wire.Commands, apiv1.Command{
			App: c.App, Type: c.Type, ExitCode: c.ExitCode, Duration: c.Duration.Seconds(),
		})
	}
	for _, s := range a.Timings {
		wire.Steps = append(wire.Steps, apiv1.Step{Name: string(s.Step), Seconds: s.Duration.Seconds()})
	}
	return wire
}

// activityLinks offers to cancel as long as that is possible.
func (v View) activityLinks(a platform.Activity, kind platform.EnvironmentType) apiv1.Links {
	links := apiv1.Links{}
	self := projectPath(a.Project) + "/activities/" + url.PathEscape(a.ID)
	links.Set("self", self)
	links.Set("log", self+"/log")
	if a.Type == platform.ActivityRehearse && a.State == platform.ActivityComplete {
		links.Set("rehearsal", self+"/rehearsal")
	}
	if !a.State.Final() && a.Cancellable && v.allows(access.Cancel, kind) {
		links.Set("#cancel", self+"/cancel")
	}
	return links
}

func wireTimings(a platform.Activity) apiv1.Timings {
	var t apiv1.Timings
	if !a.StartedAt.IsZero() {
		t.Wait = a.StartedAt.Sub(a.CreatedAt).Seconds()
		if !a.CompletedAt.IsZero() {
			t.Execute = a.CompletedAt.Sub(a.StartedAt).Seconds()
		}
	}
	for _, s := range a.Timings {
		switch s.Phase {
		case platform.PhaseBuild:
			t.Build += s.Duration.Seconds()
		case platform.PhaseDeploy:
			t.Deploy += s.Duration.Seconds()
		case platform.PhasePostDeploy:
			t.PostDeploy += s.Duration.Seconds()
		case platform.PhaseWait: // measured from the clock above
		}
	}
	return t
}

func wireHold(h platform.HoldReport) *apiv1.Hold {
	if h.StartedAt.IsZero() {
		return nil
	}
	return &apiv1.Hold{
		StartedAt:   apiv1.Time{Time: h.StartedAt},
		ReleasedAt:  apiv1.Time{Time: h.ReleasedAt},
		Duration:    h.Duration().Seconds(),
		LongestWait: h.LongestWait.Seconds(),
		Held:        h.Held,
		TimedOut:    h.TimedOut,
		Refused:     h.Refused,
		Left:        h.Left,
		Cut:         h.Cut,
		LongLived:   h.LongLived,
		Bypassed:    h.Bypassed,
		Cached:      h.Cached,

		FirstAnswer:   h.FirstAnswer.Seconds(),
		SlowestAnswer: h.SlowestAnswer.Seconds(),
	}
}
