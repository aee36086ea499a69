package phparray

import (
	"math"
	"strconv"
	"strings"
)

// Truthy reports whether PHP takes a value as true: everything but null, false, 0, 0.0,
// "", "0" and the empty array.
func Truthy(v any) bool {
	switch v := v.(type) {
	case nil:
		return false
	case bool:
		return v
	case int:
		return v != 0
	case float64:
		return v != 0
	case string:
		return v != "" && v != "0"
	case *Array:
		return v.Len() > 0
	default:
		return true
	}
}

// String returns a scalar as PHP prints it; null, false and arrays are "".
func String(v any) string {
	switch v := v.(type) {
	case bool:
		if v {
			return "1"
		}
		return ""
	case int:
		return strconv.Itoa(v)
	case float64:
		return floatText(v)
	case string:
		return v
	default:
		return ""
	}
}

// Number returns a value as PHP casts it to an integer.
func Number(v any) int {
	switch v := v.(type) {
	case bool:
		if v {
			return 1
		}
	case int:
		return v
	case float64:
		return truncate(v)
	case string:
		return leadingNumber(v)
	case *Array:
		if v.Len() > 0 {
			return 1
		}
	}
	return 0
}

// truncate cuts a float's fraction; what is out of range or no number is 0.
func truncate(f float64) int {
	if math.IsNaN(f) || f >= math.MaxInt64 || f <= math.MinInt64 {
		return 0
	}
	return int(f)
}

// leadingNumber reads the number that a text begins with.
func leadingNumber(s string) int {
	s = strings.TrimLeft(s, " \t\n\r\v\f")
	end := 0
	for end < len(s) && (s[end] >= '0' && s[end] <= '9' || end == 0 && (s[0] == '-' || s[0] == '+')) {
		end++
	}
	if f, err := strconv.ParseFloat(strings.TrimRight(s, " \t\n\r\v\f"), 64); err == nil && !strings.ContainsAny(s, "xX") {
		if n, err := strconv.Atoi(s[:end]); err == nil && len(s) == end {
			return n
		}
		return truncate(f)
	}
	n, err := strconv.Atoi(s[:end])
	if err != nil {
		return 0
	}
	return n
}

// Float returns a value as PHP casts it to a float.
func Float(v any) float64 {
	switch v := v.(type) {
	case float64:
		return v
	case string:
		if f, err := strconv.ParseFloat(strings.TrimSpace(v), 64); err == nil {
			return f
		}
	}
	return float64(Number(v))
}

// floatText prints a float as echo does, with 14 digits.
func floatText(f float64) string {
	return strings.TrimSuffix(formatFloat(f, 14), ".0")
}

// exportFloat prints a float as var_export does: the fewest digits that read back.
func exportFloat(f float64) string {
	text := formatFloat(f, -1)
	if strings.ContainsAny(text, ".EN") {
		return text
	}
	return text + ".0"
}

// formatFloat prints a float with at most digits digits, -1 for as few as read back; large
// and small ones with an exponent.
func formatFloat(f float64, digits int) string {
	switch {
	case math.IsInf(f, 1):
		return "INF"
	case math.IsInf(f, -1):
		return "-INF"
	case math.IsNaN(f):
		return "NAN"
	}
	limit, precision := 17, -1
	if digits > 0 {
		limit, precision = digits, digits-1
	}
	mantissa, exponent, _ := strings.Cut(strconv.FormatFloat(f, 'e', precision, 64), "e")
	if strings.Contains(mantissa, ".") {
		mantissa = strings.TrimRight(strings.TrimRight(mantissa, "0"), ".")
	}
	n, err := strconv.Atoi(exponent)
	if err == nil && n >= -4 && n < limit {
		rounded, err := strconv.ParseFloat(mantissa+"e"+exponent, 64)
		if err == nil {
			return strconv.FormatFloat(rounded, 'f', -1, 64)
		}
	}
	if !strings.Contains(mantissa, ".") {
		mantissa += ".0"
	}
	sign := "+"
	if n < 0 {
		sign, n = "-", -n
	}
	return mantissa + "E" + sign + strconv.Itoa(n)
}
