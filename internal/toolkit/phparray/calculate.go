package phparray

import "math/big"

// calculate does sums of numbers; what an integer cannot hold becomes a float.
func calculate(op string, left, right any) (any, bool) {
	if !numeric(left) || !numeric(right) {
		return nil, false
	}
	a, isInt := left.(int)
	b, areInts := right.(int)
	if isInt && areInts {
		x, y, sum := big.NewInt(int64(a)), big.NewInt(int64(b)), new(big.Int)
		switch op {
		case "+":
			sum.Add(x, y)
		case "-":
			sum.Sub(x, y)
		default:
			sum.Mul(x, y)
		}
		if sum.IsInt64() {
			return int(sum.Int64()), true
		}
	}
	f, g := Float(left), Float(right)
	switch op {
	case "+":
		return f + g, true
	case "-":
		return f - g, true
	default:
		return f * g, true
	}
}

func numeric(v any) bool {
	switch v.(type) {
	case int, float64:
		return true
	}
	return false
}
