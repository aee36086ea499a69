package account_test

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"sluice/internal/access"
	"sluice/internal/platform"
)

func TestAnAPITokenBecomesAShortSession(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		ctx := t.Context()
		jo := w.user(t, "jo", "shop:admin")
		api := w.token(t, jo, "ci", "shop:viewer")
		issued, err := w.ExchangeToken(ctx, "cli", api)
		check(t, err)
		if issued.Refresh != "" || issued.Life != 15*time.Minute || strings.Contains(issued.Access, ".") {
			t.Errorf("%+v", issued)
		}
		s := w.subject(t, issued.Access)
		if s.ID != "jo" || s.Allows(access.CodePush, "shop", platform.Production) || !s.Allows(access.LogsView, "shop", platform.Production) {
			t.Errorf("the limits of the API token are lost: %+v", s)
		}
		_, err = w.ExchangeToken(ctx, "cli", issued.Access)
		wantCode(t, err, platform.CodeUnauthorized) // an access token is no API token
		_, err = w.Refresh(ctx, "cli", issued.Access)
		wantCode(t, err, platform.CodeUnauthorized)
		check(t, w.RevokeToken(ctx, jo, "ci"))
		_, err = w.Authenticate(ctx, issued.Access) // ends with the API token
		wantCode(t, err, platform.CodeUnauthorized)

		issued, err = w.ExchangeToken(ctx, "cli", w.token(t, jo, "ci2"))
		check(t, err)
		time.Sleep(issued.Life)
		_, err = w.Authenticate(ctx, issued.Access)
		wantCode(t, err, platform.CodeUnauthorized)
		for _, bad := range []string{"", "sluice_x", "sluice_access_x"} {
			_, err = w.ExchangeToken(ctx, "cli", bad)
			wantCode(t, err, platform.CodeUnauthorized)
			check(t, w.RevokeSession(ctx, bad))
		}
	})
}
