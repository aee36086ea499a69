package store_test

import (
	"testing"

	"sluice/internal/platform"
)

// Two environments never share an identifier or a host name, whatever their projects.
func TestIdentitiesAreUniqueOverTheInstallation(t *testing.T) {
	s := shop(t)
	ctx := t.Context()
	for _, id := range []string{"shop-eu", "b", "a-b"} {
		check(t, s.SaveProject(ctx, platform.Project{ID: id, DefaultBranch: "main"}))
	}
	for _, e := range []platform.Environment{
		{Project: "shop-eu", Name: "main", MachineName: "main-kbjqkff"},
		{Project: "a-b", Name: "main", MachineName: platform.MachineName("a-b", "main")},
	} {
		_, err := s.SaveEnvironment(ctx, e)
		check(t, err)
	}
	for name, e := range map[string]platform.Environment{
		"identifier": {Project: "shop", Name: "eu/main_=.;,,,", MachineName: "eu-main-kbjqkff"}, // shop-eu-main-kbjqkff too
		"host":       {Project: "b", Name: "main-a", MachineName: platform.MachineName("b", "main-a")},
	} {
		if err := s.CheckIdentity(ctx, e); platform.ErrorCode(err) != platform.CodeConflict || platform.ErrorHint(err) == "" {
			t.Errorf("%s: %v", name, err)
		}
		if _, err := s.SaveEnvironment(ctx, e); platform.ErrorCode(err) != platform.CodeConflict {
			t.Errorf("%s was saved: %v", name, err)
		}
	}
	e, err := s.Environment(ctx, "shop-eu", "main")
	check(t, err)
	e.Title = "changed"
	_, err = s.SaveEnvironment(ctx, e) // is not new
	check(t, err)
}
