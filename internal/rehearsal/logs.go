package rehearsal

import (
	"cmp"
	"regexp"
	"slices"
	"strings"
)

// Line is an error that an application logged, once for all lines that differ in numbers only.
type Line struct {
	Log    string `json:"log"` // "app: var/log/exception.log"
	Text   string `json:"text"`
	Count  int    `json:"count"`
	Severe bool   `json:"severe"` // it ends a request or a process
}

// maxLines is how many different errors of one log a report has.
const maxLines = 20

var (
	// severe is what ends a request or a process.
	severe = regexp.MustCompile(`(?i)\b(emergency|alert|critical|emerg|crit)\b|PHP (Fatal|Parse) error|Uncaught |Segmentation fault|^Fatal error`)
	// wrong is what else a person has to see.
	wrong = regexp.MustCompile(`(?i)\.(error|warning)[:\]]|\[(error|warn(ing)?)\]|PHP (Warning|Deprecated|Notice|Recoverable)|(?-i:^(E|W): |\b(ERROR|WARNING|Exception)\b)`)
	// varying is what two lines about the same may differ in.
	varying = regexp.MustCompile(`\[?\d{4}-\d\d-\d\d[T ][0-9:.]+([+-]\d\d:\d\d|Z)?\]?|\b[0-9a-f]{12,}\b|\d+`)
)

// ErrorsIn returns the errors in what was added to a log, the severe ones first.
func ErrorsIn(log, added string) []Line {
	var found []Line
	byForm := map[string]int{}
	for text := range strings.Lines(added) {
		text = strings.TrimRight(text, "\r\n")
		isSevere := severe.MatchString(text)
		if !isSevere && !wrong.MatchString(text) {
			continue
		}
		form := varying.ReplaceAllString(text, "#")
		if i, known := byForm[form]; known {
			found[i].Count++
			continue
		}
		byForm[form] = len(found)
		found = append(found, Line{Log: Printable(log), Text: Printable(text), Count: 1, Severe: isSevere})
	}
	slices.SortStableFunc(found, func(a, b Line) int { return cmp.Compare(order(a), order(b)) })
	return found[:min(len(found), maxLines)]
}

func order(l Line) int {
	if l.Severe {
		return 0
	}
	return 1
}
