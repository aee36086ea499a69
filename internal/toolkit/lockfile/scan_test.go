package lockfile

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const someLock = `{
    "_readme": ["This file \"locks\" {the} [dependencies]"],
    "content-hash": "0", "platform": {"php": "~8.2"}, "prefer-stable": true, "n": -1.5e3,
    "packages": [
        {"name": "magento/magento2-base", "version": "2.4.7-p3", "dist": {"url": "https:\/\/x", "mirrors": [{"a": [1, "]"]}]}, "type": "magento2-component", "require": {"php": "~8.1", "ext-gd": "*"}},
        {"name": "m\u00fcller/x", "version": "1.0", "description": "Größe, \\\" und \\"}
    ],
    "packages-dev": []
}
`

func TestScanIsWhatEncodingJSONReads(t *testing.T) {
	packages, dev, ok := scanLock([]byte(someLock))
	if !ok {
		t.Fatal("left to encoding/json")
	}
	want, err := decodeLock([]byte(someLock))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want.packages, slices.Concat(packages, dev)); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestWhatTheScannerLeaves(t *testing.T) {
	for _, text := range []string{
		"", "{", "[]", `{"packages": {}}`, `{"packages": [1]}`, `{"packages": [{"name": 1}]}`, `{"Packages": []}`,
		`{"packages": [], "packages": []}`, `{"packages": []} x`, `{"packages": [{"name": "a", "name": "b"}]}`, `{"packages": [{"name": "\x"}]}`,
		`{"packages": [],}`, `{"packages": [{"require": [1]}]}`, `{"packages": [{"name": "a`,
	} {
		if packages, _, ok := scanLock([]byte(text)); ok {
			t.Errorf("%s: %v", text, packages)
		}
	}
}

func TestANullListIsEmpty(t *testing.T) {
	lock, err := Parse([]byte(`{"packages": [{"name": "a", "version": "1"}], "packages-dev": null}`))
	if err != nil || len(lock.All()) != 1 {
		t.Errorf("%v, %v", lock, err)
	}
}

// FuzzScan compares with encoding/json wherever both read something.
func FuzzScan(f *testing.F) {
	f.Add([]byte(someLock))
	f.Add([]byte(`{"packages": null, "x": [[{}]], "packages-dev": [{"name": "a", "require": {"b": "c"}}]}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		packages, dev, ok := scanLock(text)
		want, err := decodeLock(text)
		if !ok || err != nil {
			return
		}
		got := slices.Concat(packages, dev)
		if len(got) != len(want.packages) {
			t.Fatalf("%d packages, want %d", len(got), len(want.packages))
		}
		for i := range got {
			if len(got[i].Require) == 0 && len(want.packages[i].Require) == 0 {
				got[i].Require, want.packages[i].Require = nil, nil
			}
			if diff := cmp.Diff(want.packages[i], got[i]); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		}
	})
}
