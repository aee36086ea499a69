package hal

import (
	"net/url"
	"strconv"
	"time"

	"sluice/apiv1"
	"sluice/internal/access"
	"sluice/internal/platform"
)

// Integration renders an integration, without its key.
func (v View) Integration(i platform.Integration) apiv1.Integration {
	self := projectPath(i.Project) + "/integrations/" + url.PathEscape(i.ID)
	wire := apiv1.Integration{
		ID: i.ID, Type: i.Type, URL: i.URL, Signed: i.SharedKey != "",
		Events: some(i.Filter.Events), States: some(i.Filter.States),
		Environments: some(i.Filter.Environments), ExcludedEnvironments: some(i.Filter.Excluded),
		CreatedAt: apiv1.Time{Time: i.CreatedAt}, UpdatedAt: apiv1.Time{Time: i.UpdatedAt}, Links: apiv1.Links{},
	}
	v.editable(wire.Links, self, access.IntegrationManage, "")
	wire.Links.Set("activities", self+"/activities")
	if v.allows(access.IntegrationManage, "") {
		wire.Links.Set("#validate", self+"/validate")
	}
	return wire
}

// some returns [] for nil.
func some(list []string) []string { return append([]string{}, list...) }

// DeliveryType is the type of activity that a delivery is shown as.
const DeliveryType = "integration.webhook"

// Delivery renders a delivery as the activity that clients take it for.
func (v View) Delivery(d platform.Delivery) apiv1.Activity {
	about := d.Activity
	wire := v.Activity(platform.Activity{
		ID: d.ID, Type: DeliveryType, Project: about.Project, Environment: about.Environment, Also: about.Also,
		State: platform.ActivityInProgress, Actor: about.Actor, CreatedAt: d.CreatedAt, UpdatedAt: d.UpdatedAt, StartedAt: d.CreatedAt,
		Description: "Send the event that " + string(about.Type) + " " + about.ID + " is " + string(about.State),
		Parameters:  map[string]string{"integration": d.Integration, "activity": about.ID, "attempts": strconv.Itoa(len(d.Attempts))},
	}, "")
	if n := len(d.Attempts); n > 0 {
		wire.Reason = d.Attempts[n-1].Problem
	}
	if !d.Done {
		return wire
	}
	wire.State, wire.CompletionPercent, wire.CompletedAt = string(platform.ActivityComplete), 100, apiv1.Time{Time: d.UpdatedAt}
	wire.Result = apiv1.ResultFailure
	if d.Delivered {
		wire.Result = apiv1.ResultSuccess
	}
	return wire
}

// DeliveryLog returns the lines of a delivery's log.
func DeliveryLog(d platform.Delivery) []platform.LogEntry {
	var out []platform.LogEntry
	for n, a := range d.Attempts {
		text := "Attempt " + strconv.Itoa(n+1) + ": "
		if a.Problem == "" {
			text += "the receiver responded with " + strconv.Itoa(a.Status)
		} else {
			text += a.Problem
		}
		text += " (" + a.Took.Round(time.Millisecond).String() + ")"
		if n+1 == len(d.Attempts) && !d.Done {
			text += "; the next one is at " + d.NextAt.Format(time.RFC3339)
		}
		out = append(out, platform.LogEntry{ID: n + 1, Time: a.At, Message: text})
	}
	return out
}
