package catalog

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"sync"
	"time"
)

// maxFile bounds an operator's file, in bytes.
const maxFile = 1 << 20

//go:embed catalog.json
var embedded []byte

// Default returns the embedded catalog. It is read once.
func Default() *Catalog { return embeddedCatalog() }

var embeddedCatalog = sync.OnceValue(func() *Catalog { //nolint:gochecknoglobals // immutable, the embedded data's own
	c, err := (&Catalog{}).WithOverrides(bytes.NewReader(embedded))
	if err != nil {
		panic("catalog: embedded data: " + err.Error()) // a test reads all of it
	}
	return c
})

// New returns the embedded catalog; see Default.
func New() *Catalog { return Default() }

// file is the JSON of the embedded data and of an operator's file alike:
//
//	{"services": {"mysql": {"10.6": {"image": "registry.example.org/mariadb:10.6"}}}}
type file struct {
	Runtimes map[string]map[string]entry `json:"runtimes"`
	Services map[string]map[string]entry `json:"services"`
}

// entry is one version. Exactly one of Debian and Image is given; what else is given
// takes the place of what the type has.
type entry struct {
	Debian    string `json:"debian"` // suite whose packages it is assembled from
	Image     string `json:"image"`  // OCI reference
	EndOfLife date   `json:"end_of_life"`

	// Services only: how an image differs from the usual one of its type.
	User         string            `json:"user"`
	DataDir      string            `json:"data_dir"`
	Command      []string          `json:"command"`
	Health       []string          `json:"health"`
	SetupCommand []string          `json:"setup_command"`
	Tmpfs        []string          `json:"tmpfs"`
	Env          map[string]string `json:"env"`
}

// date is a day written as "2026-07-06".
type date struct{ time.Time }

func (d *date) UnmarshalJSON(b []byte) error {
	var s string
	if err := json.Unmarshal(b, &s); err != nil {
		return fmt.Errorf("end_of_life: %w", err)
	}
	t, err := time.Parse(time.DateOnly, s)
	if err != nil {
		return fmt.Errorf("end_of_life %q: want year-month-day", s)
	}
	d.Time = t
	return nil
}

// WithOverrides returns a catalog with the entries of an operator's JSON file added; an
// entry for a version that is there takes its place. c does not change. Unknown keys,
// types that the platform cannot run and entries without a source are errors that name
// the entry.
func (c *Catalog) WithOverrides(r io.Reader) (*Catalog, error) {
	f, err := decode(r)
	if err != nil {
		return nil, err
	}
	out := &Catalog{runtimes: clone(c.runtimes), services: clone(c.services)}
	for name, all := range f.Runtimes {
		for version, e := range all {
			made, err := newRuntime(name, version, e)
			if err != nil {
				return nil, fmt.Errorf("runtimes: %s: %q: %w", name, version, err)
			}
			put(out.runtimes, name, version, made)
		}
	}
	for name, all := range f.Services {
		for version, e := range all {
			made, err := newServices(name, version, e)
			if err != nil {
				return nil, fmt.Errorf("services: %s: %q: %w", name, version, err)
			}
			for _, s := range made {
				put(out.services, s.Type, version, s)
			}
		}
	}
	return out, nil
}

func decode(r io.Reader) (file, error) {
	var f file
	data, err := io.ReadAll(io.LimitReader(r, maxFile+1))
	if err != nil {
		return f, fmt.Errorf("read catalog: %w", err)
	}
	if len(data) > maxFile {
		return f, fmt.Errorf("catalog is larger than %d bytes", maxFile)
	}
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&f); err != nil {
		line := 1 + bytes.Count(data[:min(int(dec.InputOffset()), len(data))], []byte("\n"))
		return f, fmt.Errorf("catalog, near line %d: %w", line, err)
	}
	if _, err := dec.Token(); err != io.EOF {
		return f, errors.New("catalog: there is something after the end of the object")
	}
	return f, nil
}

func clone[T any](m map[string]map[string]T) map[string]map[string]T {
	out := make(map[string]map[string]T, len(m))
	for name, all := range m {
		out[name] = maps.Clone(all)
	}
	return out
}

func put[T any](m map[string]map[string]T, name, version string, v T) {
	if m[name] == nil {
		m[name] = map[string]T{}
	}
	m[name][version] = v
}
