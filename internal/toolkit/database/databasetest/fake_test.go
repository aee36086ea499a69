package databasetest_test

import (
	"testing"

	"sluice/internal/toolkit/database/databasetest"
	"sluice/internal/toolkit/kit"
)

func TestFake(t *testing.T) {
	databasetest.Run(t, func(t *testing.T) kit.Database {
		t.Helper()
		f := databasetest.New(t)
		f.Prefix = "suite_"
		return f
	})
}
