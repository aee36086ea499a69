package platform

import (
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"
)

// Webhook is the only type of integration: events of activities are sent to a URL.
const Webhook = "webhook"

// Integration sends the events of a project's activities to another system.
type Integration struct {
	ID        string
	Project   string
	Type      string // Webhook
	URL       string
	SharedKey string // signs what is sent; empty: nothing is signed. Never shown
	Filter    EventFilter
	CreatedAt time.Time
	UpdatedAt time.Time
}

// EventFilter selects events. A "*" at the end of an entry stands for any text.
type EventFilter struct {
	Events       []string // types of activities
	States       []string // which an activity has reached
	Environments []string // at least one of those that the activity is about
	Excluded     []string // environments whose own activities are left out
}

// IntegrationChange sets what is not nil.
type IntegrationChange struct {
	URL          *string
	SharedKey    *string
	Events       *[]string
	States       *[]string
	Environments *[]string
	Excluded     *[]string
}

// Apply returns the integration with the changes.
func (c IntegrationChange) Apply(i Integration) Integration {
	setField(&i.URL, c.URL)
	setField(&i.SharedKey, c.SharedKey)
	setField(&i.Filter.Events, c.Events)
	setField(&i.Filter.States, c.States)
	setField(&i.Filter.Environments, c.Environments)
	setField(&i.Filter.Excluded, c.Excluded)
	return i
}

// Limits of an integration.
const (
	maxIntegrationURL = 2048 // bytes
	maxFilter         = 50   // entries of each list
	maxKey            = 1024 // bytes
)

// eventEntry is an entry of a filter: printable, without spaces, with "*" at its end only.
var eventEntry = regexp.MustCompile(`^[!-)+-~]{0,250}\*?$`)

// Check returns CodeInvalid, with the field, for an integration that cannot work.
func (i Integration) Check() error {
	u, err := url.Parse(i.URL)
	switch {
	case i.Type != Webhook:
		return Errorf(CodeInvalid, "integrations of the type %q are not offered, only %q; nothing was changed", i.Type, Webhook).WithField("type")
	case err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "" || len(i.URL) > maxIntegrationURL:
		return Errorf(CodeInvalid, "the URL must be a http or https address of at most %d bytes; nothing was changed", maxIntegrationURL).WithField("url")
	case u.User != nil || u.Fragment != "":
		return Errorf(CodeInvalid, "the URL must have no user, password or fragment; nothing was changed").WithField("url").
			WithHint("use a shared key: receivers check the signature in the header field X-JWS-Signature")
	case len(i.SharedKey) > maxKey:
		return Errorf(CodeInvalid, "the shared key is longer than %d bytes; nothing was changed", maxKey).WithField("shared_key")
	}
	for field, list := range map[string][]string{
		"events": i.Filter.Events, "states": i.Filter.States, "environments": i.Filter.Environments, "excluded_environments": i.Filter.Excluded,
	} {
		bad := slices.ContainsFunc(list, func(entry string) bool { return entry == "" || !eventEntry.MatchString(entry) })
		if bad || len(list) > maxFilter || len(list) == 0 && field != "excluded_environments" {
			return Errorf(CodeInvalid, "%s must be 1 to %d names, or beginnings of names with * at the end; nothing was changed", field, maxFilter).WithField(field)
		}
	}
	return nil
}

// Selects reports whether the state that an activity has reached is an event of the filter.
func (f EventFilter) Selects(a Activity) bool {
	return selects(f.Events, string(a.Type)) && selects(f.States, string(a.State)) && !selects(f.Excluded, a.Environment) &&
		slices.ContainsFunc(append([]string{a.Environment}, a.Also...), func(name string) bool { return selects(f.Environments, name) })
}

func selects(entries []string, name string) bool {
	return slices.ContainsFunc(entries, func(entry string) bool {
		start, isPrefix := strings.CutSuffix(entry, "*")
		return entry == name || isPrefix && strings.HasPrefix(name, start)
	})
}

// Delivery is one event on its way to the receiver of an integration.
type Delivery struct {
	ID          string
	Integration string
	Activity    Activity // as it was at the event
	Done        bool
	Delivered   bool // what came of it, once it is done
	Attempts    []DeliveryAttempt
	NextAt      time.Time // of the next attempt; zero when it is done
	CreatedAt   time.Time
	UpdatedAt   time.Time
}

// DeliveryAttempt is one request to the receiver.
type DeliveryAttempt struct {
	At      time.Time
	Took    time.Duration
	Status  int    // of the response; 0 when there was none
	Problem string // why it failed; empty otherwise
}
