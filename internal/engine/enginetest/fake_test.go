package enginetest_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"sync/atomic"
	"testing"

	"sluice/internal/engine"
	"sluice/internal/engine/enginetest"
)

func TestFakeConformance(t *testing.T) {
	var subnets atomic.Int32
	fake := enginetest.NewFake()
	fake.RemoveImage(enginetest.MissingImage)
	enginetest.Run(t, func(t *testing.T) enginetest.Harness {
		t.Helper()
		return enginetest.Harness{
			Engine: fake,
			Reopen: func(*testing.T) engine.Engine { return fake.Reopen() },
			Image:  "sluice/any:1",
			Tools:  enginetest.Scripted(),
			Subnet: func() string { return fmt.Sprintf("10.1.%d.0/24", subnets.Add(1)) },
			Get: func(address, _ string) int {
				if fake.Answers(address) {
					return http.StatusOK
				}
				return 0
			},
		}
	})
}

func TestFakeRecordsAndFails(t *testing.T) {
	fake := enginetest.NewFake()
	spec := engine.Spec{
		Environment: "shop-main", Release: "r1", Subnet: "10.1.0.0/24",
		Apps: []engine.App{{Container: engine.Container{Name: "shop"}, Port: 8080, Warm: true}},
	}
	refused := errors.New("refused")
	fake.Before("Prepare", enginetest.Fail(refused))
	if err := fake.Prepare(t.Context(), spec, nil); !errors.Is(err, refused) {
		t.Fatalf("got %v, want the hook's error", err)
	}
	if status, err := fake.Observe(t.Context(), "shop-main"); err != nil || status.Network {
		t.Errorf("got %+v, %v: a refused Prepare did something", status, err)
	}
	fake.Before("Prepare", nil)
	fake.After("Prepare", enginetest.Fail(refused))
	if err := fake.Prepare(t.Context(), spec, nil); !errors.Is(err, refused) {
		t.Fatalf("got %v, want the hook's error", err)
	}
	fake.OnExec(func(context.Context, engine.ExecRequest) (int, error) { return 5, nil })
	code, err := fake.Exec(t.Context(), engine.ExecRequest{
		Environment: "shop-main", Release: "r1", Container: "shop", Command: []string{"bin/magento", "list"},
	})
	if code != 5 || err != nil {
		t.Errorf("got status %d, error %v, want OnExec's", code, err)
	}
	var got []string
	for _, c := range fake.Calls() {
		got = append(got, c.String())
	}
	want := []string{"Prepare r1", "Observe", "Prepare r1", "Exec r1 shop: bin/magento list"}
	if !slices.Equal(got, want) {
		t.Errorf("got calls %q, want %q", got, want)
	}
	if again := fake.Reopen(); len(again.Calls()) != 0 {
		t.Error("a reopened engine remembers calls")
	}
}
