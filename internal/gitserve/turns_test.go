package gitserve

import (
	"context"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"sluice/internal/platform"
)

// TestTurnsAreFair: a project that asks for a hundred turns at once does not keep another
// one waiting longer than until one of its own turns ends.
func TestTurnsAreFair(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		turns := newTurns(2, 1)
		for i := range 100 {
			go func() {
				done, err := turns.take(t.Context(), "greedy", time.Hour)
				if err != nil {
					t.Errorf("request %d: %v", i, err)
					return
				}
				time.Sleep(time.Second)
				done()
				done() // giving a turn back twice counts once
			}()
		}
		synctest.Wait()
		begin := time.Now()
		for _, project := range []string{"a", "b", "c"} {
			done, err := turns.take(t.Context(), project, time.Hour)
			if err != nil {
				t.Fatal(err)
			}
			done()
		}
		if took := time.Since(begin); took != 0 {
			t.Errorf("three other projects waited %s", took)
		}
		time.Sleep(200 * time.Second)
		synctest.Wait()
		turns.mu.Lock()
		defer turns.mu.Unlock()
		if len(turns.projects) != 0 {
			t.Errorf("left behind: %v", turns.projects)
		}
	})
}

func TestAWaitForATurnEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		turns := newTurns(1, 1)
		done, err := turns.take(t.Context(), "a", time.Minute)
		if err != nil {
			t.Fatal(err)
		}
		for _, project := range []string{"a", "b"} {
			begin := time.Now()
			_, err := turns.take(t.Context(), project, time.Minute)
			if platform.ErrorCode(err) != platform.CodeUnavailable || time.Since(begin) != time.Minute {
				t.Errorf("%s: got %v after %s", project, err, time.Since(begin))
			}
		}
		gone, leave := context.WithCancelCause(t.Context())
		leave(errClientLeft)
		if _, err := turns.take(gone, "b", time.Minute); fmt.Sprint(err) != errClientLeft.Error() {
			t.Errorf("a client that left: got %v", err)
		}
		done()
		if len(turns.projects) != 0 {
			t.Errorf("left behind: %v", turns.projects)
		}
	})
}
