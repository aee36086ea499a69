package docker

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"sluice/internal/engine"
	"sluice/internal/platform"
)

func TestMemoryShare(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ total, want int64 }{
		{24 * gib, 12 * gib}, {4 * gib, 2 * gib}, {3 * gib, 2 * gib}, {2 * gib, 2*gib - machineShare}, {gib / 2, machineShare},
	} {
		if got := memoryShare(test.total); got != test.want {
			t.Errorf("of %d MiB a container gets %d MiB, want %d", test.total/mib, got/mib, test.want/mib)
		}
	}
}

func TestEveryContainerHasLimits(t *testing.T) {
	t.Parallel()
	set := Limits{Memory: gib, CPUs: 1.5, PIDs: 100, Tmpfs: gib}
	for kind, own := range map[engine.Kind]engine.Container{
		engine.KindService: {Memory: 3 * gib},
		engine.KindWeb:     {},
		engine.KindWorker:  {CPUs: 1, PIDs: 7, Tmpfs: []string{"/mnt/scratch"}},
	} {
		w := wanted{Container: own, kind: kind}
		host := createOptions(naming{}, "e", "p", w, nil, set).HostConfig
		if host.Memory <= 0 || host.MemorySwap != host.Memory || host.NanoCPUs <= 0 || *host.PidsLimit <= 0 || host.OomScoreAdj <= 0 {
			t.Errorf("%s has the limits %+v, OOM score %d", kind, host.Resources, host.OomScoreAdj)
		}
		for dir, options := range host.Tmpfs {
			if !strings.Contains(options, ",size=") {
				t.Errorf("%s: %s has no size: %s", kind, dir, options)
			}
		}
		if host.LogConfig.Config["max-size"] == "" || host.LogConfig.Config["max-file"] == "" {
			t.Errorf("%s keeps all that it prints", kind)
		}
	}
	if l := set.of(wanted{Container: engine.Container{Memory: 512 * mib}}); l.Tmpfs != 256*mib {
		t.Errorf("a memory file system of a container with 512 MiB has %d MiB, want half", l.Tmpfs/mib)
	}
}

// silence is an engine that accepts calls and does not respond.
type silentEngine struct{}

func (silentEngine) RoundTrip(req *http.Request) (*http.Response, error) {
	<-req.Context().Done()
	return nil, context.Cause(req.Context())
}

func TestCallEndsWhenDockerIsSilent(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		d := deadlines{silentEngine{}, time.Minute}
		for path, ends := range map[string]bool{
			"/v1.41/containers/json": true, "/v1.41/images/x/json": true, "/v1.41/images/x": true,
			"/v1.41/containers/x/start": true, "/v1.41/exec/x/json": true,
			"/v1.41/containers/x/wait": false, "/v1.41/exec/x/start": false, "/v1.41/images/create": false,
		} {
			ctx, cancel := context.WithTimeoutCause(t.Context(), time.Hour, errors.New("an hour"))
			req, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://docker"+path, http.NoBody)
			if err != nil {
				t.Fatal(err)
			}
			began := time.Now()
			resp, err := d.RoundTrip(req)
			if err == nil {
				_ = resp.Body.Close()
			}
			cancel()
			if took := time.Since(began); (took == time.Minute) != ends {
				t.Errorf("%s ended after %s", path, took)
			}
			if silent := platform.ErrorCode(err) == platform.CodeUnavailable && strings.Contains(err.Error(), path); silent != ends {
				t.Errorf("%s: %v", path, err)
			}
		}
	})
}
