package manifest

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path"
	"slices"
	"strings"

	"sluice/internal/composer"
)

// The bounds of files that are looked at but are not configuration.
const (
	maxLockSize    = 8 << 20
	maxPeekedTotal = 64 << 20
	maxPackages    = 5_000
)

// lockFile is what advice needs to know of composer.lock. The zero value knows nothing.
type lockFile struct {
	magento composer.Version // zero when the project is not Magento
	php     []phpNeed        // in the order of the file, one for each constraint
	faked   bool             // composer.json sets another PHP than the one that runs
}

// phpNeed is a constraint on PHP and the first package that has it.
type phpNeed struct {
	subject, text string
	constraint    composer.Constraint
}

// lock reads the composer.lock of an application; a file that cannot be read or understood
// says nothing.
func (p *parser) lock(a *Application) *lockFile {
	name := path.Join(a.Root, "composer.lock")
	if l, ok := p.locks[name]; ok {
		return l
	}
	l := &lockFile{}
	if data, err := p.peek(name, maxLockSize); err == nil {
		l = parseLock(data)
	}
	p.locks[name] = l
	return l
}

// peek reads a file that is not part of the configuration. It is not handed to
// Options.OnRead: it is not sent to a server, and may hold secrets.
func (s *source) peek(name string, limit int64) ([]byte, error) {
	info, err := s.stat(name)
	switch {
	case err != nil:
		return nil, err
	case !info.Mode().IsRegular():
		return nil, errNotFile
	case info.Size() > limit || s.peeked+info.Size() > maxPeekedTotal:
		return nil, errTooLarge
	}
	f, err := s.fsys.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close() //nolint:errcheck // opened for reading
	data, err := io.ReadAll(io.LimitReader(f, limit))
	s.peeked += int64(len(data))
	return data, err
}

// texts is a JSON object of texts; Composer writes an empty one as [].
type texts map[string]string

// UnmarshalJSON takes whatever is there.
func (t *texts) UnmarshalJSON(data []byte) error {
	m := map[string]string{}
	if json.Unmarshal(data, &m) == nil {
		*t = m
	}
	return nil
}

type lockedPackage struct {
	Name    string `json:"name"`
	Version string `json:"version"`
	Require texts  `json:"require"`
	Replace texts  `json:"replace"`
}

// lockedPackages are the first maxPackages of a list.
type lockedPackages []lockedPackage

// UnmarshalJSON reads the list one by one, since a short text can have very many.
func (l *lockedPackages) UnmarshalJSON(data []byte) error {
	dec := json.NewDecoder(bytes.NewReader(data))
	if start, err := dec.Token(); err != nil || start != json.Delim('[') {
		return errors.Join(err, errors.New("packages must be a list"))
	}
	for dec.More() && len(*l) < maxPackages {
		var p lockedPackage
		if err := dec.Decode(&p); err != nil {
			return err
		}
		*l = append(*l, p)
	}
	return nil
}

func parseLock(data []byte) *lockFile {
	var file struct {
		Packages  lockedPackages `json:"packages"`
		Platform  texts          `json:"platform"`
		Overrides texts          `json:"platform-overrides"`
	}
	if json.Unmarshal(data, &file) != nil {
		return &lockFile{}
	}
	l := &lockFile{faked: file.Overrides["php"] != "", magento: magentoVersion(file.Packages)}
	l.need("composer.json", file.Platform["php"])
	for _, p := range file.Packages {
		l.need(p.Name, p.Require["php"])
	}
	return l
}

func (l *lockFile) need(subject, text string) {
	const longest = 200 // a longer constraint is none that a package has
	if text == "" || len(text) > longest || slices.ContainsFunc(l.php, func(n phpNeed) bool { return n.text == text }) {
		return
	}
	if c, err := composer.ParseConstraint(text); err == nil && len(l.php) < maxItems {
		l.php = append(l.php, phpNeed{subject: subject, text: text, constraint: c})
	}
}

// magentoVersion is the version of the packages that make a project Magento, or that stand
// for them in a distribution of it.
func magentoVersion(packages lockedPackages) composer.Version {
	for _, name := range []string{"magento/magento2-base", "magento/product-enterprise-edition", "magento/product-community-edition"} {
		for _, p := range packages {
			text := p.Replace[name]
			if p.Name == name {
				text = p.Version
			}
			if v, err := composer.ParseVersion(text); text != "" && err == nil && v.AtLeast("2") {
				return v
			}
		}
	}
	return composer.Version{}
}

// allows reports whether some release of a version of PHP, such as 8.2, satisfies the need.
func (n phpNeed) allows(version string) bool {
	v, err := composer.ParseVersion(version)
	return err != nil || n.constraint.AllowsPatch(v) // a version that cannot be parsed is not reported
}

// refuses returns the first need that a version of PHP does not satisfy.
func (l *lockFile) refuses(php string) (phpNeed, bool) {
	for _, n := range l.php {
		if !n.allows(php) {
			return n, true
		}
	}
	return phpNeed{}, false
}

// lockedPHP warns about a runtime that the locked packages do not go with: the build would
// end in composer install.
func (p *parser) lockedPHP(a *Application) {
	l := p.lock(a)
	installs := a.Flavor == "composer" || strings.Contains(a.Hooks.Build, "composer install")
	if a.Type.Name != "php" || !versionPattern.MatchString(a.Type.Version) || !installs || strings.Contains(a.Hooks.Build, "--ignore-platform-req") {
		return
	}
	need, refused := l.refuses(a.Type.Version)
	if !refused {
		return
	}
	fix := ""
	if c := p.check.opts.Catalog; c != nil {
		fitting := slices.DeleteFunc(c.RuntimeVersions("php"), func(v string) bool { return !l.goesWith("php", v) })
		if len(fitting) > 0 {
			fix = "take one of PHP " + strings.Join(fitting, ", ")
		}
	}
	why := "composer install ends the build"
	if l.faked {
		why = "config.platform of composer.json hides it from composer install, and the code fails when it runs"
	}
	p.check.warn(p.apps[a.Name].place("type"), "locked-php", fmt.Sprintf("composer.lock needs PHP %s (%s), and the type is %s", clip(need.text, 60), clip(need.subject, 60), a.Type),
		why, fix)
}
