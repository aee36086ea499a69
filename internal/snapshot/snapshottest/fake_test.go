package snapshottest_test

import (
	"testing"

	"sluice/internal/snapshot"
	"sluice/internal/snapshot/snapshottest"
)

func TestFake(t *testing.T) {
	snapshottest.Run(t, func(t *testing.T) snapshottest.Harness {
		t.Helper()
		f := snapshottest.NewFake(t.TempDir())
		return snapshottest.Harness{
			Store: f, Write: f.Write, Read: f.Read,
			Reopen: func() snapshot.Store { return f },
		}
	})
}
