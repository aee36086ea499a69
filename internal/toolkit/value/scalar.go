package value

import (
	"math"
	"strconv"
)

// Empty reports what PHP calls empty: null, false, 0, 0.0, "", "0" and a map without
// entries (spec: ece-tools A.5).
func Empty(v any) bool {
	switch v := v.(type) {
	case nil:
		return true
	case bool:
		return !v
	case int:
		return v == 0
	case float64:
		return v == 0
	case string:
		return v == "" || v == "0"
	case *Map:
		return v.Len() == 0
	}
	return false
}

// Text returns a scalar as PHP prints it: true is "1", false and null are "". A map is "".
func Text(v any) string {
	switch v := v.(type) {
	case bool:
		if v {
			return "1"
		}
		return ""
	case int:
		return strconv.Itoa(v)
	case float64:
		return Float(v)
	case string:
		return v
	}
	return ""
}

// Float returns a float as PHP prints it: the shortest digits that give the same number.
func Float(f float64) string {
	if math.Abs(f) >= 1e-5 && math.Abs(f) < 1e15 || f == 0 {
		return strconv.FormatFloat(f, 'f', -1, 64)
	}
	return strconv.FormatFloat(f, 'E', -1, 64)
}
