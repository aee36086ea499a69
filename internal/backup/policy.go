package backup

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"sluice/internal/platform"
)

// Policy says how many scheduled backups of an environment are kept: for each of the last
// hours, days, weeks and months that have one, the newest. Backups are made as often as the
// shortest of them that is kept.
type Policy struct {
	Hourly, Daily, Weekly, Monthly int
	Zone                           *time.Location // in which days begin; nil: UTC
}

// At is the hour of the day at which days, weeks and months begin for the schedule: when a
// shop has the fewest visitors.
const At = 4

// ParsePolicy reads "daily=7,weekly=4". Empty is a policy without backups.
func ParsePolicy(text, zone string) (Policy, error) {
	var p Policy
	var err error
	if p.Zone, err = time.LoadLocation(zone); err != nil {
		return p, fmt.Errorf("unknown time zone %q", zone)
	}
	if text == "" {
		return p, nil
	}
	for part := range strings.SplitSeq(text, ",") {
		name, value, _ := strings.Cut(strings.TrimSpace(part), "=")
		n, err := strconv.Atoi(value)
		field := map[string]*int{"hourly": &p.Hourly, "daily": &p.Daily, "weekly": &p.Weekly, "monthly": &p.Monthly}[name]
		if field == nil || err != nil || n < 0 || n > 1000 {
			return p, fmt.Errorf("%q is not one of hourly=N, daily=N, weekly=N and monthly=N with N from 0 to 1000", part)
		}
		*field = n
	}
	return p, nil
}

// class is one kind of period.
type class struct {
	keep int
	// start returns when the period began that a time is in.
	start func(time.Time) time.Time
}

// classes returns those that are kept, shortest first.
func (p Policy) classes() []class {
	day := func(t time.Time) time.Time {
		t = t.In(p.zone())
		start := time.Date(t.Year(), t.Month(), t.Day(), At, 0, 0, 0, p.zone())
		if start.After(t) {
			start = time.Date(t.Year(), t.Month(), t.Day()-1, At, 0, 0, 0, p.zone())
		}
		return start
	}
	all := []class{
		{p.Hourly, func(t time.Time) time.Time { return t.Truncate(time.Hour) }}, // of the clock's seconds: no hour is lost or double when it is set
		{p.Daily, day},
		{p.Weekly, func(t time.Time) time.Time {
			d := day(t)
			return time.Date(d.Year(), d.Month(), d.Day()-(int(d.Weekday())+6)%7, At, 0, 0, 0, p.zone()) // Monday
		}},
		{p.Monthly, func(t time.Time) time.Time {
			d := day(t)
			return time.Date(d.Year(), d.Month(), 1, At, 0, 0, 0, p.zone())
		}},
	}
	return slices.DeleteFunc(all, func(c class) bool { return c.keep == 0 })
}

func (p Policy) zone() *time.Location {
	if p.Zone == nil {
		return time.UTC
	}
	return p.Zone
}

// Due reports whether a backup has to be made now: none was in the period that this is.
// backups are those of the environment.
func (p Policy) Due(now time.Time, backups []platform.Backup) bool {
	classes := p.classes()
	if len(classes) == 0 {
		return false
	}
	start := classes[0].start(now)
	return !slices.ContainsFunc(backups, func(b platform.Backup) bool {
		return scheduled(b) && !b.CreatedAt.Before(start)
	})
}

// scheduled reports whether a backup is one that the schedule made, and so takes away.
func scheduled(b platform.Backup) bool { return b.Automated && b.Reason == "" }

// Expired returns the backups of an environment that are not kept any more: scheduled ones by
// the policy, others by their time. The newest scheduled one is always kept. Without a schedule
// all of them are: to switch it off is not to ask for their removal.
func (p Policy) Expired(now time.Time, backups []platform.Backup) []platform.Backup {
	backups = slices.DeleteFunc(slices.Clone(backups), func(b platform.Backup) bool { return b.Status != platform.BackupCreated })
	slices.SortFunc(backups, func(a, b platform.Backup) int { return b.CreatedAt.Compare(a.CreatedAt) })
	kept := map[string]bool{}
	for _, c := range p.classes() {
		seen := map[time.Time]bool{}
		for _, b := range backups {
			if start := c.start(b.CreatedAt); scheduled(b) && !seen[start] && len(seen) < c.keep {
				seen[start] = true
				kept[b.ID] = true
			}
		}
	}
	if i := slices.IndexFunc(backups, scheduled); i >= 0 {
		kept[backups[i].ID] = true
	}
	off := len(p.classes()) == 0
	return slices.DeleteFunc(backups, func(b platform.Backup) bool {
		if scheduled(b) {
			return off || kept[b.ID]
		}
		return b.ExpiresAt.IsZero() || b.ExpiresAt.After(now)
	})
}
