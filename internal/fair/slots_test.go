package fair

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

// TestSlotsAreFair: a project that asks for a hundred slots at once does not keep another
// one waiting longer than until one of its own operations ends.
func TestSlotsAreFair(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		slots := New(2, 1)
		for i := range 100 {
			go func() {
				done, err := slots.Take(t.Context(), "greedy")
				if err != nil {
					t.Errorf("operation %d: %v", i, err)
					return
				}
				time.Sleep(time.Second)
				done()
				done() // giving a slot back twice counts once
			}()
		}
		synctest.Wait()
		begin := time.Now()
		for _, project := range []string{"a", "b", "c"} {
			done, err := slots.Take(t.Context(), project)
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
		slots.mu.Lock()
		defer slots.mu.Unlock()
		if len(slots.projects) != 0 {
			t.Errorf("left behind: %v", slots.projects)
		}
	})
}

func TestAWaitForASlotEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		slots := New(1, 1)
		done, err := slots.Take(t.Context(), "a")
		if err != nil {
			t.Fatal(err)
		}
		late := errors.New("late")
		for _, project := range []string{"a", "b"} {
			ctx, cancel := context.WithTimeoutCause(t.Context(), time.Minute, late)
			if _, err := slots.Take(ctx, project); !errors.Is(err, late) {
				t.Errorf("%s: got %v", project, err)
			}
			cancel()
		}
		done()
		if len(slots.projects) != 0 {
			t.Errorf("left behind: %v", slots.projects)
		}
	})
}
