package topology_test

import (
	"testing"

	"golang.org/x/tools/txtar"

	"sluice/internal/engine"
	"sluice/internal/topology"
)

func TestBothFormsOfAnApplicationDecideTheSameOfItsHook(t *testing.T) {
	const hook = "hooks: {deploy: \"ece-tools run scenario/deploy.xml\"}\n"
	for name, tt := range map[string]struct {
		file string
		want bool
	}{
		"toolkit only":  {"web: {locations: {/: {root: pub}}}\n" + hook, true},
		"no hook":       {"web: {locations: {/: {root: pub}}}\n", false},
		"other command": {"web: {locations: {/: {root: pub}}}\nhooks: {deploy: \"php bin/magento cache:flush\"}\n", false},
		"start":         {"web: {commands: {start: ./run}, locations: {/: {passthru: true}}}\n" + hook, false},
		"pre_start":     {"web: {commands: {pre_start: ./run}, locations: {/: {root: pub}}}\n" + hook, false},
		"post_start":    {"web: {commands: {post_start: ./run}, locations: {/: {root: pub}}}\n" + hook, false},
	} {
		t.Run(name, func(t *testing.T) {
			in := input(t, txtar.Parse([]byte("-- .magento.app.yaml --\nname: app\ntype: php:8.2\n"+tt.file)))
			result, err := topology.Resolve(in)
			if err != nil {
				t.Fatal(err)
			}
			if got := topology.HookBeginsEarly(result.Spec.Apps[0]); got != tt.want {
				t.Errorf("HookBeginsEarly is %t", got)
			}
			if got := topology.BeginsHookEarly(in.Manifest.Apps[0]); got != tt.want {
				t.Errorf("BeginsHookEarly is %t", got)
			}
		})
	}
}

func TestServicesChanged(t *testing.T) {
	spec := func(pairs ...string) (s engine.Spec) {
		for i := 0; i < len(pairs); i += 2 {
			s.Services = append(s.Services, engine.Service{Container: engine.Container{Name: pairs[i]}, Generation: pairs[i+1]})
		}
		return s
	}
	for name, tt := range map[string]struct {
		before, after engine.Spec
		want          bool
	}{
		"none":        {spec(), spec(), false},
		"other order": {spec("db", "1", "cache", "2"), spec("cache", "2", "db", "1"), false},
		"replaced":    {spec("db", "1"), spec("db", "2"), true},
		"added":       {spec("db", "1"), spec("db", "1", "cache", "2"), true},
		"removed":     {spec("db", "1", "cache", "2"), spec("db", "1"), true},
		"renamed":     {spec("db", "1"), spec("database", "1"), true},
	} {
		if got := topology.ServicesChanged(tt.before, tt.after); got != tt.want {
			t.Errorf("%s: %t", name, got)
		}
	}
}
