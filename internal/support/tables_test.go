package support

import (
	"testing"
	"time"

	"sluice/internal/composer"
)

func TestTables(t *testing.T) {
	if len(tables().Supported) == 0 || len(tables().EndOfLife) == 0 {
		t.Fatal("a table is empty")
	}
	for service, rows := range tables().Supported {
		for _, row := range rows {
			for _, text := range []string{row.Magento, row.Service} {
				if _, err := composer.ParseConstraint(text); err != nil {
					t.Errorf("%s: %q: %v", service, text, err)
				}
			}
		}
	}
	for service, days := range tables().EndOfLife {
		for version, day := range days {
			if _, err := time.Parse(time.DateOnly, day); err != nil {
				t.Errorf("%s %s: %v", service, version, err)
			}
		}
	}
}
