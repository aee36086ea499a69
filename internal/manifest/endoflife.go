package manifest

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"sluice/internal/catalog"
	"sluice/internal/support"
)

// ended is a version that its makers no longer maintain.
type ended struct {
	pos         Position
	name        string // in the catalog: "mysql"
	written     string // "mariadb:10.4"
	version     string
	end         time.Time
	alternative string // "redis:6.2"; empty when there is none
}

// endOfLife warns about versions without security updates, in one finding: most projects
// have several, and one plan can deal with them. What it advises goes with the project's own
// Magento and packages, is still maintained, and is not older.
func (p *parser) endOfLife(m *Manifest) {
	if p.check.opts.Catalog == nil || p.check.opts.Now.IsZero() {
		return
	}
	list := slices.Concat(p.endedRuntimes(m), p.endedServices(m))
	if len(list) == 0 {
		return
	}
	var names, better, stuck []string
	for _, e := range list {
		names = append(names, fmt.Sprintf("%s (since %s)", e.written, e.end.Format(time.DateOnly)))
		if e.alternative != "" {
			better = append(better, e.alternative)
		} else {
			stuck = append(stuck, e.written)
		}
	}
	var fix []string
	if len(better) > 0 {
		fix = append(fix, "consider "+join(slices.Compact(better), "and"))
	}
	if magento := p.magento(m); len(stuck) > 0 && !magento.magento.IsZero() {
		fix = append(fix, fmt.Sprintf("no maintained version in place of %s is listed for Magento %s; plan an update of Magento", join(stuck, "or"), short(magento)))
	}
	p.check.warn(list[0].pos, "end-of-life", join(names, "and")+verb(len(list), " no longer gets", " no longer get")+" security updates", "", strings.Join(fix, "; "))
}

// short is a version of Magento as people write it: "2.4.3".
func short(l *lockFile) string {
	text, patch, _ := strings.Cut(l.magento.String(), "-patch")
	text = strings.TrimSuffix(text, ".0")
	if patch != "" {
		text += "-p" + patch
	}
	return text
}

// magento returns the lock file of the application that is Magento, else one that knows
// nothing.
func (p *parser) magento(m *Manifest) *lockFile {
	for _, a := range m.Apps {
		if l := p.lock(a); !l.magento.IsZero() {
			return l
		}
	}
	return &lockFile{}
}

func (p *parser) endedRuntimes(m *Manifest) []ended {
	var out []ended
	for _, a := range m.Apps {
		rt, ok := p.check.opts.Catalog.Runtime(a.Type.Name, a.Type.Version)
		if !ok || !p.passed(rt.EndOfLife) {
			continue
		}
		l := p.lock(a)
		out = append(out, ended{
			pos: p.apps[a.Name].place("type"), name: a.Type.Name, written: a.Type.String(), version: a.Type.Version, end: rt.EndOfLife,
			alternative: p.alternative(l, a.Type.Name, a.Type.Version),
		})
	}
	return out
}

func (p *parser) endedServices(m *Manifest) []ended {
	var out []ended
	l := p.magento(m)
	for _, s := range m.Services {
		entry, ok := p.serviceEntry(s)
		if !ok || !p.passed(entry.EndOfLife) {
			continue
		}
		e := ended{
			pos: p.services.get(s.Name).place("type"), name: s.Type.Name, written: s.Written().String(), version: s.Type.Version, end: entry.EndOfLife,
			alternative: p.alternative(l, s.Type.Name, s.Type.Version),
		}
		if e.alternative == "" && s.Type.Name == "elasticsearch" {
			e.alternative = p.alternative(l, "opensearch", "0")
		}
		e.alternative = strings.Replace(e.alternative, s.Type.Name+":", s.WrittenType+":", 1)
		out = append(out, e)
	}
	return out
}

// passed reports whether an end of life is over.
func (p *parser) passed(end time.Time) bool {
	return !end.IsZero() && !p.check.opts.Now.Before(end)
}

// alternative returns a later version that is maintained: the newest that goes with the project
// where that is known, else the next one, which changes least.
func (p *parser) alternative(l *lockFile, name, version string) string {
	best := ""
	known := !l.magento.IsZero() || name == "php" && len(l.php) > 0
	for _, v := range p.maintained(name, version) {
		if !l.goesWith(name, v) {
			continue
		}
		if known || best == "" {
			best = name + ":" + v
		}
		if !known && p.lasts(name, v) {
			return name + ":" + v
		}
	}
	return best
}

// lasts reports whether a version is maintained long enough to be worth a change.
func (p *parser) lasts(name, version string) bool {
	const worth = 180 * 24 * time.Hour
	rt, _ := p.check.opts.Catalog.Runtime(name, version)
	s, _ := p.check.opts.Catalog.Service(name, version)
	end := rt.EndOfLife
	if end.IsZero() {
		end = s.EndOfLife
	}
	return end.IsZero() || end.Sub(p.check.opts.Now) > worth
}

// maintained returns the versions after one that are still maintained, in order. Names of a series, such
// as 2.x, are left out: the versions of the series are listed too.
func (p *parser) maintained(name, version string) []string {
	cat := p.check.opts.Catalog
	versions := cat.RuntimeVersions(name)
	if versions == nil {
		versions = cat.ServiceVersions(name)
	}
	return slices.DeleteFunc(versions, func(v string) bool {
		rt, _ := cat.Runtime(name, v)
		s, _ := cat.Service(name, v)
		return catalog.CompareVersions(v, version) <= 0 || strings.HasSuffix(v, "x") || p.passed(rt.EndOfLife) || p.passed(s.EndOfLife)
	})
}

// goesWith reports whether a version of PHP or of a service suits the project, as far as its
// packages and the matrix of the toolkit say.
func (l *lockFile) goesWith(name, version string) bool {
	if name == "php" {
		if _, refused := l.refuses(version); refused {
			return false
		}
	}
	if l.magento.IsZero() {
		return true
	}
	if name == "opensearch" && !l.magento.AtLeast("2.4.4") {
		return false // the matrix leaves it open; the code has no client for it
	}
	service := strings.TrimSuffix(name, "-persistent")
	if service == "mysql" {
		service = "mariadb"
	}
	return support.Unsupported(l.magento, service, version) == ""
}
