package composer

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

// Version is a version in Composer's normalised form: 2.4.6 is 2.4.6.0 and 2.4.3-p2 is
// 2.4.3.0-patch2. It is compared as Composer does, so that 2.4.3-p2 is later than 2.4.3
// and earlier than 2.4.4.
type Version struct {
	numbers [4]int
	stage   int // of stability: dev 0 ... stable 4, patch 5
	count   int // the number of the stage: 2 of -p2
	branch  string
}

// The stages of a release, in order.
const (
	stageDev = iota
	stageAlpha
	stageBeta
	stageRC
	stageStable
	stagePatch
)

var versionPattern = regexp.MustCompile(`(?i)^v?(\d{1,9})(?:\.(\d{1,9}))?(?:\.(\d{1,9}))?(?:\.(\d{1,9}))?(?:[._-]?(stable|beta|b|rc|alpha|a|patch|pl|p|dev)[.-]?(\d{1,9})?)?(?:\+[0-9a-z.-]+)?$`)

// ParseVersion reads a version; a branch (dev-main) is one too, earlier than any number.
func ParseVersion(text string) (Version, error) {
	text = strings.TrimSpace(text)
	if strings.HasPrefix(strings.ToLower(text), "dev-") {
		return Version{branch: text}, nil
	}
	m := versionPattern.FindStringSubmatch(text)
	if m == nil {
		return Version{}, fmt.Errorf("cannot parse version %q", text)
	}
	v := Version{stage: stageOf(m[5])}
	for i := range v.numbers {
		v.numbers[i], _ = strconv.Atoi(m[i+1]) // digits or nothing
	}
	v.count, _ = strconv.Atoi(m[6])
	return v, nil
}

func stageOf(word string) int {
	switch strings.ToLower(word) {
	case "dev":
		return stageDev
	case "a", "alpha":
		return stageAlpha
	case "b", "beta":
		return stageBeta
	case "rc":
		return stageRC
	case "p", "pl", "patch":
		return stagePatch
	}
	return stageStable
}

// String returns the normalised form.
func (v Version) String() string {
	if v.branch != "" {
		return v.branch
	}
	text := fmt.Sprintf("%d.%d.%d.%d", v.numbers[0], v.numbers[1], v.numbers[2], v.numbers[3])
	if v.stage == stageStable {
		return text
	}
	text += "-" + [...]string{"dev", "alpha", "beta", "RC", "", "patch"}[v.stage]
	if v.count > 0 {
		text += strconv.Itoa(v.count)
	}
	return text
}

// IsZero reports whether there is no version.
func (v Version) IsZero() bool { return v == Version{} }

// Compare returns -1, 0 or 1 as v is earlier than w, equal or later.
func (v Version) Compare(w Version) int {
	if v.branch != "" || w.branch != "" {
		return compareBranch(v.branch, w.branch)
	}
	for i, n := range v.numbers {
		if n != w.numbers[i] {
			return sign(n - w.numbers[i])
		}
	}
	if v.stage != w.stage {
		return sign(v.stage - w.stage)
	}
	return sign(v.count - w.count)
}

func compareBranch(a, b string) int {
	switch {
	case a == b:
		return 0
	case a != "" && b == "":
		return -1
	case a == "" && b != "":
		return 1
	}
	return strings.Compare(a, b)
}

func sign(n int) int {
	switch {
	case n < 0:
		return -1
	case n > 0:
		return 1
	}
	return 0
}

// AtLeast reports whether v is the version of the text or later. A text that is not a version
// is a mistake in the program and panics.
func (v Version) AtLeast(text string) bool {
	w, err := ParseVersion(text)
	if err != nil {
		panic("composer.AtLeast: " + err.Error())
	}
	return v.Compare(w) >= 0
}

// Satisfies reports whether v is within a constraint (">=2.4.0 <2.4.4 || ~2.3.7-p4"). A
// constraint that is not understood is a mistake in the program and panics; use
// ParseConstraint for constraints that users write.
func (v Version) Satisfies(constraint string) bool {
	c, err := ParseConstraint(constraint)
	if err != nil {
		panic("composer.Satisfies: " + err.Error())
	}
	return c.Allows(v)
}
