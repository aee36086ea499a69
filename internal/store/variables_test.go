package store_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"sluice/internal/platform"
)

func values(vars []platform.Variable) []string {
	var texts []string
	for _, v := range vars {
		texts = append(texts, v.Environment+" "+v.Name+"="+v.Value)
	}
	return texts
}

func TestVariablesAreInheritedInOrder(t *testing.T) {
	s := shop(t)
	ctx := t.Context()
	saveEnv(t, s, "staging", "main")
	saveEnv(t, s, "feature", "staging")
	for _, v := range []platform.Variable{
		{Name: "a", Value: "project"},
		{Name: "hidden", Value: "project"},
		{Name: "a", Value: "main", Environment: "main", Inheritable: true, Enabled: true},
		{Name: "hidden", Value: "main", Environment: "main", Inheritable: true, Enabled: true},
		{Name: "private", Value: "main", Environment: "main", Enabled: true},
		{Name: "a", Value: "staging", Environment: "staging", Inheritable: true, Enabled: true},
		{Name: "hidden", Environment: "staging", Inheritable: true},
		{Name: "a", Value: "feature", Environment: "feature", Enabled: true},
	} {
		check(t, s.SaveVariable(ctx, "shop", v))
	}
	for env, want := range map[string][]string{
		"main":    {" a=project", " hidden=project", "main a=main", "main hidden=main", "main private=main"},
		"staging": {" a=project", " hidden=project", "main a=main", "main hidden=main", "staging a=staging", "staging hidden="},
		"feature": {" a=project", " hidden=project", "main a=main", "main hidden=main", "staging a=staging", "staging hidden=", "feature a=feature"},
		"":        {" a=project", " hidden=project"},
		"unborn":  {" a=project", " hidden=project"},
	} {
		got, err := s.Variables(ctx, "shop", env)
		check(t, err)
		if diff := cmp.Diff(want, values(got)); diff != "" {
			t.Errorf("%s: %s", env, diff)
		}
	}
}

func TestALoopOfParentsEnds(t *testing.T) {
	s := shop(t)
	saveEnv(t, s, "a", "b")
	saveEnv(t, s, "b", "a")
	check(t, s.SaveVariable(t.Context(), "shop", platform.Variable{Name: "v", Value: "b", Environment: "b", Inheritable: true, Enabled: true}))
	got, err := s.Variables(t.Context(), "shop", "a")
	check(t, err)
	if diff := cmp.Diff([]string{"b v=b"}, values(got)); diff != "" {
		t.Error(diff)
	}
}

func TestVariablesAreReplacedAndDeletedOnTheirLevel(t *testing.T) {
	s := shop(t)
	ctx := t.Context()
	want := platform.Variable{
		Name: "env:KEY", Value: `{"a":1}`, Environment: "main", JSON: true, Sensitive: true, VisibleBuild: true,
		VisibleRuntime: true, Inheritable: true, Enabled: true,
	}
	check(t, s.SaveVariable(ctx, "shop", want))
	check(t, s.SaveVariable(ctx, "shop", platform.Variable{Name: "env:KEY", Value: "project"}))
	got, err := s.OwnVariables(ctx, "shop", "main")
	check(t, err)
	if diff := cmp.Diff([]platform.Variable{want}, got); diff != "" {
		t.Error(diff)
	}
	want.Value, want.Sensitive = "2", false
	check(t, s.SaveVariable(ctx, "shop", want))
	got, err = s.OwnVariables(ctx, "shop", "main")
	check(t, err)
	if len(got) != 1 || got[0].Value != "2" || !got[0].Sensitive {
		t.Errorf("got %+v, want the new value, still sensitive", got)
	}
	check(t, s.DeleteVariable(ctx, "shop", "main", "env:KEY"))
	got, err = s.OwnVariables(ctx, "shop", "")
	check(t, err)
	if len(got) != 1 || got[0].Value != "project" {
		t.Errorf("the delete on the environment left %+v on the project", got)
	}
}
