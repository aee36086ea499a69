package plan

import (
	"math"
	"slices"
	"strings"
	"time"
)

// judgedBy is how many earlier deployments count; older ones tell about another shop.
const judgedBy = 10

// predict judges the hold by earlier ones: their median, and the shortest and the longest.
func predict(holds []time.Duration, p Plan) Hold {
	switch {
	case p.Verdict == Refused:
		return Hold{Note: "nothing is deployed"}
	case p.First:
		return Hold{Note: "no request is held: nothing serves yet"}
	case len(holds) == 0:
		return Hold{Note: "no earlier deployment of this environment held requests"}
	}
	sorted := slices.Clone(holds[:min(len(holds), judgedBy)])
	slices.Sort(sorted)
	h := Hold{
		Seconds: seconds(sorted[len(sorted)/2]), Shortest: seconds(sorted[0]), Longest: seconds(sorted[len(sorted)-1]),
		Deployments: len(sorted),
	}
	if replaced := named(p.Services, Replace); len(replaced) > 0 {
		h.Note = "it takes longer this time: " + strings.Join(replaced, ", ") + " is replaced while requests wait"
		if len(replaced) > 1 {
			h.Note = strings.Replace(h.Note, " is replaced", " are replaced", 1)
		}
	}
	return h
}

// seconds rounds to tenths, and below a second to hundredths: all that a prediction is good
// for.
func seconds(d time.Duration) float64 {
	if d < time.Second {
		return math.Round(d.Seconds()*100) / 100
	}
	return math.Round(d.Seconds()*10) / 10
}
