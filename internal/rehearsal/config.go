package rehearsal

import (
	"maps"
	"slices"
	"strings"
)

// Key is a key of a configuration file that changed. Its value is not known here.
type Key struct {
	App    string `json:"app"`
	File   string `json:"file"`
	Key    string `json:"key"`
	Change string `json:"change"` // Added, Removed or Changed
}

// Digests are digests of values, by "file\tkey".
type Digests map[string]string

// ParseDigests reads what contract.DigestCommand printed. Other lines are left out.
func ParseDigests(output string) Digests {
	d := Digests{}
	for line := range strings.Lines(output) {
		f := strings.Split(strings.TrimRight(line, "\r\n"), "\t")
		if len(f) == 3 {
			d[f[0]+"\t"+f[1]] = f[2]
		}
	}
	return d
}

// CompareDigests lists the keys whose values differ, by file and key.
func CompareDigests(app string, before, after Digests) []Key {
	keys := []Key{}
	all := maps.Clone(before)
	maps.Copy(all, after)
	for _, at := range slices.Sorted(maps.Keys(all)) {
		was, had := before[at]
		is, has := after[at]
		change := Changed
		switch {
		case was == is && had == has:
			continue
		case !had:
			change = Added
		case !has:
			change = Removed
		}
		file, key, _ := strings.Cut(at, "\t")
		keys = append(keys, Key{App: app, File: Printable(file), Key: Printable(key), Change: change})
	}
	return keys
}
