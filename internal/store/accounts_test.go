package store_test

import (
	"testing"

	"sluice/internal/account"
	"sluice/internal/account/accounttest"
	"sluice/internal/platform"
)

func TestAccounts(t *testing.T) {
	accounttest.Run(t, func(t *testing.T) account.Records {
		t.Helper()
		return open(t, t.TempDir())
	})
}

// TestADeletedProjectTakesItsRightsAlong: another project of the same name is another one.
func TestADeletedProjectTakesItsRightsAlong(t *testing.T) {
	s := shop(t)
	ctx := t.Context()
	_, err := s.CreateUser(ctx, platform.User{ID: "jo", Username: "jo", Grants: []string{"shop:admin", "shop-2:admin", "*:viewer"}})
	check(t, err)
	check(t, s.DeleteProject(ctx, "shop"))
	u, err := s.User(ctx, "jo")
	if err != nil || len(u.Grants) != 2 || u.Grants[0] != "*:viewer" || u.Grants[1] != "shop-2:admin" {
		t.Errorf("grants %v, %v", u.Grants, err)
	}
}
