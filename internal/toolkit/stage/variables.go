package stage

import (
	"fmt"
	"slices"

	"sluice/internal/manifest"
	"sluice/internal/toolkit/fault"
	"sluice/internal/toolkit/phparray"
)

// Source says where a value came from.
type Source string

// The sources, from the weakest to the strongest. Those of the file are followed by the
// stage: "stage.build".
const (
	FromDefault  Source = "default"
	FromFile     Source = "stage."
	FromPlatform Source = "MAGENTO_CLOUD_VARIABLES"
)

// Setting is the value that a variable has in a stage.
type Setting struct {
	Name   string
	Value  any // nil, bool, int, float64, string or *phparray.Array
	Source Source
}

// Variables are the stage variables of one environment.
type Variables struct {
	table map[string]manifest.StageVariable
	file  map[string]*phparray.Array // by stage
	cloud *phparray.Array            // after the conversions
}

// New joins what the file says (nil when there is none) and the platform's variables. The
// error is an unknown constant of PHP in the file.
func New(file *manifest.EnvFile, cloud *phparray.Array) (*Variables, error) {
	v := &Variables{table: map[string]manifest.StageVariable{}, file: map[string]*phparray.Array{}, cloud: converted(cloud)}
	for _, known := range manifest.StageVariables() {
		v.table[known.Name] = known
	}
	if file == nil {
		return v, nil
	}
	for name, pairs := range file.Ordered {
		m, err := fromPairs(pairs)
		if err != nil {
			return nil, fmt.Errorf("%s: stage.%s: %w", file.File, name, err)
		}
		v.file[name] = m
	}
	return v, nil
}

// Reader reads the variables of one stage.
type Reader struct {
	variables *Variables
	stage     string
}

// In returns the reader of a stage, one of the names in the manifest package.
func (v *Variables) In(stage string) Reader { return Reader{v, stage} }

// Value returns a variable's value in the stage. A variable that the stage has not is an
// error with the code of the stage.
func (r Reader) Value(name string) (any, error) {
	s, ok := r.Lookup(name)
	if !ok {
		return nil, fault.New(undefinedCode(r.stage), "Config %s was not defined.", name)
	}
	return s.Value, nil
}

func undefinedCode(stage string) int {
	switch stage {
	case manifest.StageBuild:
		return 3
	case manifest.StageDeploy:
		return 103
	case manifest.StagePostDeploy:
		return 203
	default:
		return 243
	}
}

// Lookup returns a variable's value in the stage and where it came from; ok is false when
// the stage has no such variable.
func (r Reader) Lookup(name string) (s Setting, ok bool) {
	known, inTable := r.variables.table[name]
	if r.stage != manifest.StageDeploy && (!inTable || !known.In(r.stage)) {
		return Setting{}, false
	}
	s, ok = r.given(name)
	if r.stage == manifest.StageDeploy && ok {
		s.Value = decoded(s.Value)
		if text, isText := s.Value.(string); isText && known.Type == manifest.TypeArray && text != "" {
			ok = false // the default is used; Problems reports it
		}
	}
	switch {
	case ok:
		return s, true
	case inTable && known.In(r.stage):
		return Setting{Name: name, Value: fromGo(known.DefaultFor(r.stage)), Source: FromDefault}, true
	default:
		return Setting{}, false
	}
}

// Given reports whether somebody set the variable for the stage, by the file or the
// platform.
func (r Reader) Given(name string) bool {
	_, ok := r.given(name)
	return ok
}

// given returns the strongest value that is not a default.
func (r Reader) given(name string) (Setting, bool) {
	if r.stage == manifest.StageDeploy {
		if found, ok := r.variables.cloud.Lookup(phparray.Text(name)); ok && found != nil {
			return Setting{name, found, FromPlatform}, true
		}
	}
	for _, stage := range []string{r.stage, manifest.StageGlobal} {
		if found, ok := r.variables.file[stage].Lookup(phparray.Text(name)); ok && found != nil {
			return Setting{name, found, FromFile + Source(stage)}, true
		}
	}
	return Setting{}, false
}

// Settings returns every variable of the stage, in the order of the table.
func (r Reader) Settings() []Setting {
	var out []Setting
	for _, known := range manifest.StageVariables() {
		if s, ok := r.Lookup(known.Name); ok && known.In(r.stage) {
			out = append(out, s)
		}
	}
	return out
}

// Names returns the names of the table that a stage may set, in its order.
func Names(stage string) []string {
	var out []string
	for _, known := range manifest.StageVariables() {
		if known.In(stage) {
			out = append(out, known.Name)
		}
	}
	return slices.Clip(out)
}
