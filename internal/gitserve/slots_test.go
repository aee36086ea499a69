package gitserve

import (
	"context"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"sluice/internal/fair"
	"sluice/internal/platform"
)

func TestAWaitForASlotEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		slots := fair.New(1, 1)
		done, err := take(t.Context(), slots, "a", time.Minute)
		if err != nil {
			t.Fatal(err)
		}
		defer done()
		begin := time.Now()
		if _, err := take(t.Context(), slots, "b", time.Minute); platform.ErrorCode(err) != platform.CodeUnavailable || time.Since(begin) != time.Minute {
			t.Errorf("got %v after %s", err, time.Since(begin))
		}
		gone, leave := context.WithCancelCause(t.Context())
		leave(errClientLeft)
		if _, err := take(gone, slots, "b", time.Minute); fmt.Sprint(err) != errClientLeft.Error() {
			t.Errorf("a client that left: got %v", err)
		}
	})
}
