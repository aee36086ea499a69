package deploystep

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"

	"sluice/internal/toolkit/envphp"
	"sluice/internal/toolkit/fault"
	"sluice/internal/toolkit/kit"
	"sluice/internal/toolkit/services"
)

// cleanRedis empties the databases of the cache in Redis. One that does not respond fails,
// also when the step before left it out of env.php: the shop would run without a cache.
func cleanRedis(ctx context.Context, k *kit.Kit) error {
	return cleanCaches(ctx, k, "redis", codeRedis)
}

// cleanValkey does the same for Valkey.
func cleanValkey(ctx context.Context, k *kit.Kit) error {
	return cleanCaches(ctx, k, "valkey", codeValkey)
}

// cleanCaches does its work when the cache is in the service that the step is for: that of
// Redis when both exist.
func cleanCaches(ctx context.Context, k *kit.Kit, service string, code int) error {
	in, err := envphp.Gather(k)
	if err != nil {
		return err
	}
	active := "redis"
	if !services.Redis(in.Relationships).Exists() && services.Valkey(in.Relationships).Exists() {
		active = "valkey"
	}
	if active != service {
		return nil
	}
	cache, _ := envphp.Cache(in) // the step cache logs the notes
	for _, frontend := range envphp.CacheFrontends(cache) {
		if !frontend.Redis {
			continue
		}
		k.Log.Infof("Clearing %s cache: %s", service, frontend.Name)
		if err := flushDatabase(ctx, frontend); err != nil {
			return fault.Wrap(code, fmt.Errorf("clear the %s cache %s: %w", service, frontend.Name, err))
		}
	}
	return nil
}

func flushDatabase(ctx context.Context, f envphp.CacheFrontend) error {
	address := "127.0.0.1:6379"
	if f.Options.Has("server") {
		server, port, err := f.Endpoint()
		if err != nil {
			return err
		}
		if address = server; !strings.HasPrefix(server, "/") {
			address = net.JoinHostPort(server, port)
		}
	}
	conn, err := services.DialRedis(ctx, address, f.Options.Text("password"))
	if err != nil {
		return err
	}
	database := f.Options.Text("database")
	if database == "" {
		database = "0"
	}
	_, err = conn.Do(ctx, "SELECT", database)
	if err == nil {
		_, err = conn.Do(ctx, "FLUSHDB")
	}
	return errors.Join(err, conn.Close())
}
