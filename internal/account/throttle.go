package account

import (
	"sync"
	"time"

	"sluice/internal/platform"
)

// Failed log-ins that are allowed within throttleWindow.
const (
	throttleWindow   = 15 * time.Minute
	failuresOfPair   = 5   // of one name from one address
	failuresOfPlace  = 30  // from one address
	failuresOfName   = 100 // of one name, so that few can be locked out by many
	throttleCapacity = 50_000
)

// throttle counts failed log-ins. A name that does not exist counts as one that does.
type throttle struct {
	mu       sync.Mutex
	failures map[string][]time.Time
}

// keys are what a log-in is counted for, with the failures that each may have.
func throttleKeys(name, address string) map[string]int {
	return map[string]int{"pair " + address + " " + name: failuresOfPair, "place " + address: failuresOfPlace, "name " + name: failuresOfName}
}

// reserve counts a log-in as failed before it is tried, so that many at once are counted
// too, and returns CodeRateLimited when there were too many.
func (t *throttle) reserve(now time.Time, name, address string) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.failures) > throttleCapacity {
		t.sweep(now)
	}
	keys := throttleKeys(name, address)
	for key, most := range keys {
		if recent := t.recent(now, key); len(recent) >= most {
			return platform.Errorf(platform.CodeRateLimited, "too many failed log-ins").
				WithHint("try again in %d minutes", int(throttleWindow.Minutes()))
		}
	}
	for key := range keys {
		t.failures[key] = append(t.failures[key], now)
	}
	return nil
}

// forgive forgets the failures of a log-in that succeeded.
func (t *throttle) forgive(name, address string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for key := range throttleKeys(name, address) {
		if list := t.failures[key]; len(list) > 1 && key != "pair "+address+" "+name {
			t.failures[key] = list[:len(list)-1] // only this one: others may be guesses
			continue
		}
		delete(t.failures, key)
	}
}

func (t *throttle) recent(now time.Time, key string) []time.Time {
	list := t.failures[key]
	for len(list) > 0 && now.Sub(list[0]) >= throttleWindow {
		list = list[1:]
	}
	if len(list) == 0 {
		delete(t.failures, key)
	} else {
		t.failures[key] = list
	}
	return list
}

func (t *throttle) sweep(now time.Time) {
	for key := range t.failures {
		t.recent(now, key)
	}
}
