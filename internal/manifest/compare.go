package manifest

import (
	"cmp"
	"fmt"
	"slices"

	"sluice/internal/catalog"
)

// AcceptDataLoss is the push option that makes the findings of Compare about data that
// would be left behind warnings: "git push -o sluice.accept=data-loss".
const AcceptDataLoss = "sluice.accept=data-loss"

// Compare says what a push would do to the data of a running environment: old is what
// runs, current what is pushed. Either may be nil. Leaving data behind is an error until
// it is acknowledged, see Diagnostics.Acknowledge; a downgrade cannot be.
func Compare(old, current *Manifest) Diagnostics {
	if old == nil || current == nil {
		return nil
	}
	c := comparison{old: old, current: current}
	for _, s := range old.Services {
		c.service(s)
	}
	for _, a := range old.Apps {
		c.application(a)
	}
	return c.sorted()
}

// Acknowledge returns the findings with those about data that is left behind made
// warnings.
func (ds Diagnostics) Acknowledge() Diagnostics {
	out := slices.Clone(ds)
	for i := range out {
		if isDataLoss(out[i].Rule) && out[i].Severity == SeverityError {
			out[i].Severity, out[i].Fix = SeverityWarning, ""
		}
	}
	return out
}

func isDataLoss(rule string) bool {
	switch rule {
	case "service-removed", "service-replaced", "application-removed", "mount-removed", "mount-moved", "schema-removed":
		return true
	default:
		return false
	}
}

type comparison struct {
	findings

	old, current *Manifest
}

func (c *comparison) service(s *Service) {
	now := c.current.Service(s.Name)
	switch {
	case now == nil:
		c.serviceRemoved(s)
	case now.Type.Name != s.Type.Name:
		c.loss(s, now.Pos, "service-replaced", fmt.Sprintf("service %s was %s and becomes %s", show(s.Name), s.Type, now.Type), "a new service starts empty", "give the new service another name")
	default:
		c.sameService(s, now)
	}
}

func (c *comparison) sameService(s, now *Service) {
	if catalog.CompareVersions(now.Type.Version, s.Type.Version) < 0 {
		c.add(Diagnostic{
			Pos: now.Pos, Severity: SeverityError, Rule: "service-downgrade",
			Message: fmt.Sprintf("service %s cannot go from %s to %s", show(s.Name), s.Type, now.Type),
			Why:     "an older version cannot read the data of a newer one",
			Fix:     "keep " + s.Type.String() + ", or add a service with another name and move the data",
		})
	}
	if now.Disk > 0 && now.Disk < s.Disk {
		c.add(Diagnostic{
			Pos: now.Pos, Severity: SeverityWarning, Rule: "disk-shrunk",
			Message: fmt.Sprintf("disk of service %s shrinks from %d to %d MB", show(s.Name), s.Disk, now.Disk), Why: "the data may not fit",
		})
	}
	for _, schema := range s.Schemas {
		if !slices.Contains(now.Schemas, schema) {
			c.loss(s, now.Pos, "schema-removed", fmt.Sprintf("schema %s of service %s is removed", show(schema), show(s.Name)), "applications lose their access to it", "")
		}
	}
}

func (c *comparison) serviceRemoved(s *Service) {
	pos := Position{File: s.Pos.File}
	for _, candidate := range c.current.Services {
		if candidate.Type.Name == s.Type.Name && c.old.Service(candidate.Name) == nil {
			c.loss(s, candidate.Pos, "service-removed", fmt.Sprintf("service %s seems to be renamed to %s", show(s.Name), show(candidate.Name)), "the new one starts empty; the name is the identity of the data", "keep the name "+show(s.Name))
			return
		}
	}
	c.loss(s, pos, "service-removed", fmt.Sprintf("service %s is removed", show(s.Name)), "its data is left behind", "keep the service")
}

// loss reports data that is left behind; caches have none.
func (c *comparison) loss(s *Service, pos Position, rule, message, why, fix string) {
	if s != nil && !keepsData(s) {
		c.add(Diagnostic{Pos: pos, Severity: SeverityNotice, Rule: rule, Message: message, Why: "it keeps no data"})
		return
	}
	acknowledge := "push with \"-o " + AcceptDataLoss + "\" if that is meant"
	if fix != "" {
		acknowledge = fix + ", or " + acknowledge
	}
	c.add(Diagnostic{Pos: pos, Severity: SeverityError, Rule: rule, Message: message, Why: why, Fix: acknowledge})
}

func keepsData(s *Service) bool {
	switch s.Type.Name {
	case "redis", "valkey", "memcached", "varnish":
		return false
	default:
		return true
	}
}

func (c *comparison) application(a *Application) {
	now := c.current.App(a.Name)
	if now == nil {
		if len(a.allMounts()) > 0 {
			c.loss(nil, c.successor(a), "application-removed", fmt.Sprintf("application %s is removed or renamed", show(a.Name)), "the files of its mounts are left behind", "keep the name "+show(a.Name))
		}
		return
	}
	for _, m := range a.allMounts() {
		c.mount(m, now)
	}
	if now.Disk > 0 && now.Disk < a.Disk {
		c.add(Diagnostic{
			Pos: now.Pos, Severity: SeverityWarning, Rule: "disk-shrunk",
			Message: fmt.Sprintf("disk of application %s shrinks from %d to %d MB", show(a.Name), a.Disk, now.Disk), Why: "the files may not fit",
		})
	}
}

// successor is where to point for an application that is gone: the one that is new.
func (c *comparison) successor(a *Application) Position {
	for _, candidate := range c.current.Apps {
		if c.old.App(candidate.Name) == nil {
			return candidate.Pos
		}
	}
	return Position{File: cmp.Or(a.File, appFile)}
}

// allMounts are the mounts of an application and its workers, which share its volume; those
// with the same source once.
func (a *Application) allMounts() []Mount {
	all := slices.Clone(a.Mounts)
	for _, w := range a.Workers {
		for _, m := range w.Mounts {
			if !slices.ContainsFunc(all, func(o Mount) bool { return o.Path == m.Path && o.Source == m.Source && o.SourcePath == m.SourcePath }) {
				all = append(all, m)
			}
		}
	}
	return all
}

func (c *comparison) mount(m Mount, now *Application) {
	if m.Source == MountTmp {
		return
	}
	for _, other := range now.allMounts() {
		switch {
		case other.holds(&m):
			return // also when it is mounted elsewhere: the data can be reached
		case other.Path == m.Path:
			c.loss(nil, other.Pos, "mount-moved", fmt.Sprintf("mount %s gets its files from %s instead of %s", show(m.Path), show(other.SourcePath), show(m.SourcePath)), "the files are left behind in "+show(m.SourcePath), "keep the source")
			return
		}
	}
	c.loss(nil, now.Pos, "mount-removed", fmt.Sprintf("mount %s is removed", show(m.Path)), "its files are left behind in "+show(m.SourcePath), "keep the mount")
}
