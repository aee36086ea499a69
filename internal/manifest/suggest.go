package manifest

import (
	"fmt"
	"slices"
	"strings"
)

// closest returns the candidate that was most likely meant, or "".
func closest(got string, candidates []string) string {
	if numeric([]string{got}) {
		return "" // a number is never almost right
	}
	best, bestDistance := "", nearly(got)+1
	low := strings.ToLower(got)
	words, digits := letters(low), low != letters(low)
	squeezed := squeeze(low)
	for _, c := range candidates {
		d := distance(low, strings.ToLower(c))
		switch {
		case squeezed == squeeze(strings.ToLower(c)):
			d = 0 // differs in case, hyphen or underscore only
		case len(low) > 2 && strings.HasPrefix(strings.ToLower(c), low):
			d = 1 // only begun
		}
		if small := strings.ToLower(c); d > 0 && digits && small != letters(small) && words == letters(small) {
			continue // another number: "TLSv1.4" is not a typo of "TLSv1.0"
		}
		if d < len(c) && (d < bestDistance || best != "" && d == bestDistance && len(c) == len(got) && len(best) != len(got)) {
			best, bestDistance = c, d
		}
	}
	return best
}

// nearly is how many edits a word may be away from what was meant: fewer in short words, where
// two edits make another word ("imap", "ldap").
func nearly(word string) int {
	switch n := len(word); {
	case n <= 4:
		return 1
	case n <= 10:
		return 2
	default:
		return n / 4
	}
}

// letters removes digits.
func letters(s string) string {
	return strings.Map(func(r rune) rune {
		if r >= '0' && r <= '9' {
			return -1
		}
		return r
	}, s)
}

// squeeze removes what names are written with or without.
func squeeze(s string) string {
	return strings.Map(func(r rune) rune {
		if strings.ContainsRune("-_ .", r) {
			return -1
		}
		return r
	}, s)
}

// didYouMean is the fix for an unknown name: the closest one, or all of them when they
// are few.
func didYouMean(got string, candidates []string) string {
	if c := closest(got, candidates); c != "" {
		return fmt.Sprintf("did you mean %q?", c)
	}
	switch n := len(candidates); {
	case n == 0:
		return ""
	case n <= 12 && numeric(candidates):
		return "use one of " + strings.Join(candidates, ", ")
	case n <= 12:
		sorted := slices.Sorted(slices.Values(candidates))
		return "use one of " + strings.Join(sorted, ", ")
	default:
		return ""
	}
}

func numeric(words []string) bool {
	return !slices.ContainsFunc(words, func(s string) bool { return s == "" || s[0] < '0' || s[0] > '9' })
}

// distance is the number of single-character edits and swaps of neighbours between two
// words (optimal string alignment). Long words are compared by their beginnings.
func distance(a, b string) int {
	const longest = 64
	ra, rb := []rune(clip(a, longest)), []rune(clip(b, longest))
	before, previous := make([]int, len(rb)+1), make([]int, len(rb)+1)
	for j := range previous {
		previous[j] = j
	}
	for i := range ra {
		row := make([]int, len(rb)+1)
		row[0] = i + 1
		for j := range rb {
			cost := 1
			if ra[i] == rb[j] {
				cost = 0
			}
			row[j+1] = min(previous[j+1]+1, row[j]+1, previous[j]+cost)
			if i > 0 && j > 0 && ra[i] == rb[j-1] && ra[i-1] == rb[j] {
				row[j+1] = min(row[j+1], before[j-1]+1)
			}
		}
		before, previous = previous, row
	}
	return previous[len(rb)]
}

// clip shortens text to at most n bytes.
func clip(s string, n int) string {
	if len(s) <= n {
		return s
	}
	return strings.ToValidUTF8(s[:n], "")
}

// show quotes what a user wrote for a message, on one line and not too long.
func show(s string) string {
	const longest = 60
	if len(s) > longest {
		s = clip(s, longest) + "…"
	}
	return fmt.Sprintf("%q", s)
}
