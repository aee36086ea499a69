package fault

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Level is the weight of a log record or of a validator's finding. The numbers are those
// that scenario files may write instead of the names.
type Level int

// The levels, from low to high.
const (
	Debug     Level = 100
	Info      Level = 200
	Notice    Level = 250
	Warning   Level = 300
	Error     Level = 400
	Critical  Level = 500
	Alert     Level = 550
	Emergency Level = 600
)

// Levels returns all levels, from low to high.
func Levels() []Level {
	return []Level{Debug, Info, Notice, Warning, Error, Critical, Alert, Emergency}
}

// String returns the name in lower case, as configuration files have it.
func (l Level) String() string {
	switch l {
	case Debug:
		return "debug"
	case Info:
		return "info"
	case Notice:
		return "notice"
	case Warning:
		return "warning"
	case Error:
		return "error"
	case Critical:
		return "critical"
	case Alert:
		return "alert"
	case Emergency:
		return "emergency"
	}
	return fmt.Sprintf("level(%d)", int(l))
}

// ParseLevel reads a name in any case or a number ("critical", "500").
func ParseLevel(text string) (Level, error) {
	all := Levels()
	i := slices.IndexFunc(all, func(l Level) bool {
		return strings.EqualFold(text, l.String()) || text == strconv.Itoa(int(l))
	})
	if i >= 0 {
		return all[i], nil
	}
	names := make([]string, len(all))
	for i, l := range all {
		names[i] = l.String()
	}
	return 0, fmt.Errorf("Level %q is not defined, use one of: %s", text, strings.Join(names, ", "))
}
