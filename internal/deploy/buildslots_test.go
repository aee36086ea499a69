package deploy

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
)

func TestBuildsOfOneProjectLeaveRoom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		slots := newBuildSlots(3, 2)
		begun := map[string]int{}
		ctx, stop := context.WithCancelCause(t.Context())
		var releases []func()
		start := func(project string, alone bool) {
			go func() {
				if release, err := slots.acquire(ctx, project, alone); err == nil {
					begun[project]++
					releases = append(releases, release)
				}
			}()
			synctest.Wait()
		}
		want := func(shop, bakery int) {
			t.Helper()
			synctest.Wait()
			if begun["shop"] != shop || begun["bakery"] != bakery {
				t.Errorf("builds that began: %v, want %d of shop and %d of bakery", begun, shop, bakery)
			}
		}
		for range 4 {
			start("shop", false)
		}
		want(2, 0)
		start("bakery", false)
		want(2, 1)
		start("bakery", false)
		want(2, 1) // all slots are taken
		releases[2]()
		want(2, 2) // shop has enough
		releases[0]()
		want(3, 2)
		start("lonely", true)
		stop(errors.New("stopped"))
		synctest.Wait()
		if len(slots.waiting) != 0 || slots.total != 3 {
			t.Errorf("%d wait, %d run", len(slots.waiting), slots.total)
		}
		for _, release := range releases {
			release() // twice for some
		}
		if slots.total != 0 || len(slots.running) != 0 {
			t.Errorf("%d run, %v", slots.total, slots.running)
		}
	})
}
