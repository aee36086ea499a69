package composer

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
)

// Constraint is a set of versions in Composer's notation: comparisons (>=, >, <, <=, =, !=),
// carets, tildes, wildcards and hyphen ranges, joined by spaces or commas (and) and || (or).
type Constraint struct{ any [][]bound }

type bound struct {
	op string
	v  Version
}

var (
	orPattern    = regexp.MustCompile(`\s*\|\|?\s*`)
	spacePattern = regexp.MustCompile(`([<>=!~^])\s+`)
	termPattern  = regexp.MustCompile(`^(>=|<=|<>|!=|==|=|>|<|\^|~)?(.+)$`)
)

// ParseConstraint reads a constraint.
func ParseConstraint(text string) (Constraint, error) {
	var c Constraint
	for _, part := range orPattern.Split(strings.TrimSpace(text), -1) {
		all, err := conjunction(part)
		if err != nil {
			return Constraint{}, fmt.Errorf("constraint %q: %w", text, err)
		}
		c.any = append(c.any, all)
	}
	return c, nil
}

// Allows reports whether a version is in the set. A branch satisfies only *.
func (c Constraint) Allows(v Version) bool {
	for _, all := range c.any {
		ok := true
		for _, b := range all {
			ok = ok && b.allows(v)
		}
		if ok {
			return true
		}
	}
	return false
}

// AllowsPatch reports whether the set has a release of v's first two numbers: 8.2.0, 8.2.1
// and so on, as far as languages count.
func (c Constraint) AllowsPatch(v Version) bool {
	const releases = 60 // more than any series of PHP has had
	for patch := range releases {
		v.numbers[2] = patch
		if c.Allows(v) {
			return true
		}
	}
	return false
}

func (b bound) allows(v Version) bool {
	n := v.Compare(b.v)
	switch b.op {
	case ">=":
		return n >= 0
	case ">":
		return n > 0
	case "<":
		return n < 0
	case "<=":
		return n <= 0
	case "!=":
		return n != 0
	}
	return n == 0
}

func conjunction(text string) ([]bound, error) {
	if from, to, ok := strings.Cut(text, " - "); ok {
		return hyphen(from, to)
	}
	text = spacePattern.ReplaceAllString(text, "$1")
	words := strings.FieldsFunc(text, func(r rune) bool { return r == ' ' || r == ',' || r == '\t' })
	if len(words) == 0 {
		return nil, errors.New("is empty")
	}
	var all []bound
	for _, w := range words {
		bounds, err := term(w)
		if err != nil {
			return nil, err
		}
		all = append(all, bounds...)
	}
	return all, nil
}

func hyphen(from, to string) ([]bound, error) {
	low, err := ParseVersion(from)
	if err != nil {
		return nil, err
	}
	high, err := ParseVersion(to)
	if err != nil {
		return nil, err
	}
	if n := places(to); n < 3 && high.stage == stageStable {
		return []bound{{">=", low.dev()}, {"<", high.bump(n - 1).dev()}}, nil
	}
	return []bound{{">=", low.dev()}, {"<=", high}}, nil
}

func term(word string) ([]bound, error) {
	word, _, _ = strings.Cut(word, "@") // stability flags do not narrow a set
	if word == "*" || word == "" || word == "x" {
		return nil, nil
	}
	m := termPattern.FindStringSubmatch(word)
	op, text := m[1], m[2]
	if head, ok := strings.CutSuffix(strings.TrimSuffix(text, ".*"), ".x"); ok || head != text {
		return wildcard(head)
	}
	v, err := ParseVersion(text)
	if err != nil {
		return nil, err
	}
	switch op {
	case "^":
		return []bound{{">=", v.dev()}, {"<", v.bump(v.firstNumber(places(text))).dev()}}, nil
	case "~":
		return []bound{{">=", v.dev()}, {"<", v.bump(max(0, places(text)-2)).dev()}}, nil
	case ">=", "<":
		return []bound{{op, v.dev()}}, nil
	case "<>":
		op = "!="
	case "==", "":
		op = "="
	}
	return []bound{{op, v}}, nil
}

func wildcard(head string) ([]bound, error) {
	v, err := ParseVersion(head)
	if err != nil {
		return nil, err
	}
	return []bound{{">=", v.dev()}, {"<", v.bump(places(head) - 1).dev()}}, nil
}

// places returns how many numbers a version's text has: 2.4 has 2.
func places(text string) int {
	text, _, _ = strings.Cut(text, "-")
	return min(4, strings.Count(text, ".")+1)
}

// dev returns the earliest version of its numbers when it has no stage of its own: a range
// that begins at 2.4.0 has 2.4.0-beta1 too.
func (v Version) dev() Version {
	if v.stage == stageStable {
		v.stage = stageDev
	}
	return v
}

// bump returns the next version at a place.
func (v Version) bump(place int) Version {
	place = max(0, place)
	next := Version{stage: stageStable}
	copy(next.numbers[:], v.numbers[:place+1])
	next.numbers[place]++
	return next
}

// firstNumber returns the place that a caret keeps: the first that is not 0.
func (v Version) firstNumber(written int) int {
	for i := range v.numbers[:min(3, written)] {
		if v.numbers[i] != 0 {
			return i
		}
	}
	return min(3, written) - 1
}
