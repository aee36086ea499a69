package kit_test

import (
	"bytes"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"sluice/internal/toolkit/kit"
)

func TestTheFirstTouchWaitsForTheHold(t *testing.T) {
	held := filepath.Join(t.TempDir(), "held")
	var out bytes.Buffer
	told := make(chan struct{})
	l := kit.NewLines(&out, "ece-tools 1", func() {
		close(told) // a second call would panic
		kit.AwaitFile(held)()
	})
	var group sync.WaitGroup
	group.Go(func() {
		l.Step("pre-deploy")
		l.Touch("the cache")
		l.Touch("the database")
		if _, err := os.Stat(held); err != nil {
			t.Error("data was written before requests were held")
		}
	})
	<-told
	if want := "::sluice::hello ece-tools 1\n::sluice::step pre-deploy\n::sluice::touch the cache\n"; out.String() != want {
		t.Errorf("printed\n%s\nwant\n%s", out.String(), want)
	}
	if err := os.WriteFile(held, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	group.Wait()
}

func TestNothingToWaitFor(t *testing.T) {
	var out bytes.Buffer
	kit.NewLines(&out, "ece-tools 1", kit.AwaitFile("")).Touch("the cache")
	if want := "::sluice::hello ece-tools 1\n::sluice::touch the cache\n"; out.String() != want {
		t.Errorf("printed %q", out.String())
	}
}
