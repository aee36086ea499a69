package backuptest_test

import (
	"testing"

	"sluice/internal/backup"
	"sluice/internal/backup/backuptest"
)

func TestRepository(t *testing.T) {
	backuptest.Run(t, func(*testing.T) (backup.Repository, func() backup.Repository) {
		r := &backuptest.Repository{}
		return r, func() backup.Repository { return r }
	})
}
