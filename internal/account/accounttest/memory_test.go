package accounttest_test

import (
	"testing"

	"sluice/internal/account"
	"sluice/internal/account/accounttest"
)

func TestMemory(t *testing.T) {
	accounttest.Run(t, func(*testing.T) account.Records { return accounttest.New() })
}
