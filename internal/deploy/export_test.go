package deploy

import (
	"sluice/internal/engine"
	"sluice/internal/platform"
)

// SpecOf returns what a stored release runs.
func SpecOf(r platform.Release) (engine.Spec, error) {
	stored, err := readRelease(r)
	return stored.Spec, err
}
