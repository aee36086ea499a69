package edge

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"sluice/internal/edge/gate"
	"sluice/internal/platform"
)

func TestStateIsEncodedAsJSONDoes(t *testing.T) {
	published := func(text string) savedPublication {
		p := publication(text)
		p.MaintenancePage = "<p>\"\u2028" + text + "</p>"
		encoded, err := json.Marshal(p)
		if err != nil {
			t.Fatal(err)
		}
		return savedPublication{p, encoded}
	}
	candidate := publication("r9")
	full := savedGate{
		Environment: `shop-"main"`, State: Held, Message: "]}0}", Published: true, Publication: published("r1"),
		Hold:      &gate.SavedHold{Activity: "a1", StartedAt: time.Unix(1, 0).UTC(), Deadline: time.Unix(2, 0).UTC(), Limit: 3, OnDeadline: platform.Maintain},
		Candidate: &candidate, Settings: &platform.EdgeSettings{RestrictRobots: true, Bypass: []string{"10.0.0.0/8"}},
	}
	later := full
	later.Publication.encoded = nil // not yet
	for name, s := range map[string]savedState{
		"empty":    {Version: stateVersion, Environments: []savedGate{}},
		"with key": {Version: stateVersion, BypassKey: newBypassKey(), Environments: []savedGate{{Environment: "held-before-it-was-published", State: Held}}},
		"several":  {Version: stateVersion, Environments: []savedGate{full, later, {Environment: "z", State: Closed, Publication: published("r2")}}},
	} {
		want, err := json.Marshal(s)
		if err != nil {
			t.Fatal(err)
		}
		got, err := encodeState(s)
		if err != nil || string(got) != string(want) {
			t.Errorf("%s: %v\ngot  %s\nwant %s", name, err, got, want)
		}
		if _, err := parseState(got); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func BenchmarkEncodeState(b *testing.B) {
	s := savedState{Version: stateVersion}
	for i := range 1000 {
		p := publication("r1")
		for _, path := range []string{"blog/", "media/", "api/", "admin/"} {
			p.Routes = append(p.Routes, upstream(fmt.Sprintf("http://shop%d.test/%s", i, path)))
		}
		encoded, err := json.Marshal(p)
		if err != nil {
			b.Fatal(err)
		}
		s.Environments = append(s.Environments, savedGate{Environment: p.Environment, State: Open, Published: true, Publication: savedPublication{p, encoded}})
	}
	for b.Loop() {
		if _, err := encodeState(s); err != nil {
			b.Fatal(err)
		}
	}
}
