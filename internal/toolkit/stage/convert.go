package stage

import (
	"regexp"
	"slices"
	"strconv"

	"sluice/internal/toolkit/phparray"
)

var wholeNumber = regexp.MustCompile(`^\d+$`)

// converted applies the old notations of the platform's variables and drops what the
// validator says is ignored.
func converted(cloud *phparray.Array) *phparray.Array {
	out := phparray.New()
	for key, v := range cloud.All() {
		name := key.String()
		if v, ok := convertedVariable(name, v); ok {
			out.Set(name, v)
		}
	}
	return out
}

func convertedVariable(name string, v any) (any, bool) {
	switch name {
	case "VERBOSE_COMMANDS":
		if v == "enabled" {
			return "-vvv", true
		}
		text, ok := v.(string)
		return v, ok && slices.Contains([]string{"-v", "-vv", "-vvv"}, text)
	case "CLEAN_STATIC_FILES", "UPDATE_URLS", "GENERATED_CODE_SYMLINK":
		return onOff(v)
	case "SCD_THREADS":
		return integer(v)
	case "SCD_COMPRESSION_LEVEL":
		n, ok := integer(v)
		return n, ok && n >= 0 && n <= 9
	default:
		return v, true
	}
}

// onOff reads "enabled" and "disabled", and booleans, which new projects write.
func onOff(v any) (on, ok bool) {
	switch v := decoded(v).(type) {
	case bool:
		return v, true
	case string:
		return v == "enabled", v == "enabled" || v == "disabled"
	default:
		return false, false
	}
}

// integer reads an integer or a text of digits.
func integer(v any) (int, bool) {
	switch v := v.(type) {
	case int:
		return v, true
	case string:
		if !wholeNumber.MatchString(v) {
			return 0, false
		}
		n, err := strconv.Atoi(v)
		return n, err == nil
	default:
		return 0, false
	}
}
