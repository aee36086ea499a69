package platform_test

import (
	"testing"

	"sluice/internal/platform"
)

func TestDataStatesFit(t *testing.T) {
	for _, tt := range []struct {
		a, b platform.DataState
		fit  bool
	}{
		{nil, nil, false},
		{nil, platform.DataState{}, false},
		{platform.DataState{}, platform.DataState{}, true},
		{platform.DataState{"shop": platform.SchemaState("d1")}, platform.DataState{"shop": platform.SchemaState("d1")}, true},
		{platform.DataState{"shop": platform.SchemaState("d1")}, platform.DataState{"shop": platform.SchemaState("d2")}, false},
		{platform.DataState{"shop": platform.SchemaState("d1")}, platform.DataState{"shop": platform.SchemaState("d1"), "api": platform.WrittenBy("r2")}, false},
	} {
		if got := tt.a.Fits(tt.b); got != tt.fit {
			t.Errorf("%v and %v: %t", tt.a, tt.b, got)
		}
	}
	for want, state := range map[string]platform.DataState{
		"not recorded":                     nil,
		"never written to by a deployment": {},
		"last written by the deployment of release r2; shop: schema and patches 0123456789ab": {
			platform.AllData: platform.WrittenBy("r2"), "shop": platform.SchemaState("0123456789abcdef"),
		},
	} {
		if got := state.String(); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}
