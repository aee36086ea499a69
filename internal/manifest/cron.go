package manifest

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// cronField is one of the five fields of a cron spec.
type cronField struct {
	name            string
	lowest, highest int
	names           []string // of the values from lowest on
}

func cronFields() []cronField {
	return []cronField{
		{name: "minute", highest: 59},
		{name: "hour", highest: 23},
		{name: "day of month", lowest: 1, highest: 31},
		{name: "month", lowest: 1, highest: 12, names: []string{"jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"}},
		{name: "day of week", highest: 7, names: []string{"sun", "mon", "tue", "wed", "thu", "fri", "sat"}},
	}
}

// cronPart is one item of a field: "*", "H", "5", "1-5", each with an optional "/step".
var cronPart = regexp.MustCompile(`^(\*|\?|[Hh](?:\((\d+)-(\d+)\))?|(\w+)(?:-(\w+))?)(?:/(\d+))?$`)

// schedule is what a cron spec says, as sets of values.
type schedule struct {
	minutes, hours, days, months []int
	anyWeekday                   bool
	odd                          string // the first item that is valid but unusual, "0/30"
}

// parseCron reads the five fields of a spec. An
// "H" stands for one value that the platform chooses.
func parseCron(spec string) (schedule, error) {
	fields := strings.Fields(spec)
	if strings.HasPrefix(spec, "@") {
		return schedule{}, fmt.Errorf("%s is a shorthand of other crons", fields[0])
	}
	if len(fields) != 5 {
		return schedule{}, fmt.Errorf("it has %d fields instead of 5 (minute, hour, day of month, month, day of week)", len(fields))
	}
	var s schedule
	sets := make([][]int, 5)
	for i, f := range cronFields() {
		values, err := f.values(fields[i], &s)
		if err != nil {
			return schedule{}, fmt.Errorf("%s %q: %w", f.name, clip(fields[i], 40), err)
		}
		sets[i] = values
	}
	s.minutes, s.hours, s.days, s.months = sets[0], sets[1], sets[2], sets[3]
	s.anyWeekday = len(sets[4]) >= 7
	return s, nil
}

// values returns the sorted values that a field stands for.
func (f cronField) values(text string, s *schedule) ([]int, error) {
	var out []int
	for part := range strings.SplitSeq(text, ",") {
		match := cronPart.FindStringSubmatch(part)
		if match == nil {
			return nil, fmt.Errorf("%q is not a value, a range or a step", clip(part, 40))
		}
		from, to, err := f.bounds(match, part, s)
		if err != nil {
			return nil, err
		}
		step := 1
		if match[6] != "" {
			if step, err = strconv.Atoi(match[6]); err != nil || step == 0 {
				return nil, fmt.Errorf("step %q must be at least 1", clip(match[6], 20))
			}
		}
		for v := from; v <= to; v += step {
			out = append(out, v)
		}
	}
	slices.Sort(out)
	return slices.Compact(out), nil
}

func (f cronField) bounds(match []string, part string, s *schedule) (from, to int, err error) {
	switch {
	case match[1] == "*" || match[1] == "?":
		return f.lowest, f.highest, nil
	case match[4] == "" && match[2] == "": // H
		if match[6] != "" {
			return f.lowest, f.highest, nil
		}
		return f.lowest, f.lowest, nil
	case match[4] == "": // H(a-b)
		from, err = f.value(match[2])
		return from, from, err
	}
	if from, err = f.value(match[4]); err != nil {
		return 0, 0, err
	}
	switch {
	case match[5] != "":
		to, err = f.value(match[5])
	case match[6] != "":
		to = f.highest
		if s.odd == "" {
			s.odd = part
		}
	default:
		to = from
	}
	if err == nil && to < from {
		err = fmt.Errorf("range %s-%s runs backwards", match[4], match[5])
	}
	return from, to, err
}

func (f cronField) value(text string) (int, error) {
	if i := slices.Index(f.names, strings.ToLower(text)); i >= 0 {
		return f.lowest + i, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < f.lowest || n > f.highest {
		return 0, fmt.Errorf("%q is not in %d-%d", clip(text, 20), f.lowest, f.highest)
	}
	return n, nil
}

// interval is the shortest time between two runs, in minutes; an hour when there is only
// one run in an hour.
func (s schedule) interval() int {
	const hour = 60
	shortest := hour
	for i := 1; i < len(s.minutes); i++ {
		shortest = min(shortest, s.minutes[i]-s.minutes[i-1])
	}
	if n := len(s.minutes); n > 1 && len(s.hours) > 1 {
		shortest = min(shortest, hour-s.minutes[n-1]+s.minutes[0])
	}
	return shortest
}

// impossible reports whether no date fits, as on the 31st of February.
func (s schedule) impossible() bool {
	if !s.anyWeekday || len(s.days) == 0 {
		return false
	}
	lengths := []int{31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31}
	for _, m := range s.months {
		if s.days[0] <= lengths[m-1] {
			return false
		}
	}
	return true
}

func cronFormat() *format {
	return &format{name: "cron spec", pattern: `^\S+\s+\S+\s+\S+\s+\S+\s+\S+$`, wrong: func(s string) (why, fix string) {
		if _, err := parseCron(s); err != nil {
			return err.Error(), `write five fields, such as "*/5 * * * *"`
		}
		return "", ""
	}}
}

// checkCron warns about specs that are valid but do not do what they seem to.
func checkCron(c *checker, n *node, path string) {
	s, err := parseCron(n.str())
	switch {
	case err != nil:
		return
	case s.impossible():
		c.warn(n.pos, "cron-never", fmt.Sprintf("%s %s never comes", path, show(n.text)), "no month has that day", "")
	case s.odd != "":
		value, step, _ := strings.Cut(s.odd, "/")
		c.notice(n.pos, "cron-step", fmt.Sprintf("%s has the step %q", path, s.odd), "it means every "+step+" from "+value+" on", fmt.Sprintf("write \"*/%s\" if that is meant", step))
	}
	if lowest := int(c.opts.CronInterval.Minutes()); err == nil && s.interval() < lowest {
		c.warn(n.pos, "cron-interval", fmt.Sprintf("%s runs every %d minutes", path, s.interval()), fmt.Sprintf("this installation runs jobs at most every %d minutes", lowest), "")
	}
}
