package configstep

import (
	"context"
	"net"
	"strings"
	"time"

	"sluice/internal/toolkit/envphp"
	"sluice/internal/toolkit/fault"
	"sluice/internal/toolkit/kit"
	"sluice/internal/toolkit/tree"
)

// dialTimeout is how long a cache server may take to accept a connection. The original
// waits as long as the system does.
const dialTimeout = 5 * time.Second

// cache is the pre-deploy step that writes the cache section.
func cache(ctx context.Context, k *kit.Kit) error {
	in, env, err := gatherWithEnv(k)
	if err != nil {
		return err
	}
	generated, notes := envphp.Cache(in)
	envphp.Log(k.Log, notes)
	section, notes, err := envphp.ReachableCache(in, generated, env.Sub("cache"), func(server, port string) bool {
		return accepts(ctx, server, port)
	})
	if err != nil {
		return err
	}
	envphp.Log(k.Log, notes)
	return put(k, "cache", section)
}

// accepts reports whether a server accepts connections; one that begins with a slash is a
// socket.
func accepts(ctx context.Context, server, port string) bool {
	network, address := "unix", server
	if !strings.HasPrefix(server, "/") {
		if _, rest, ok := strings.Cut(server, "://"); ok {
			server = rest
		}
		network, address = "tcp", net.JoinHostPort(server, port)
	}
	conn, err := (&net.Dialer{Timeout: dialTimeout}).DialContext(ctx, network, address)
	if err != nil {
		return false
	}
	return conn.Close() == nil
}

// cacheType turns all cache types on again when env.php was lost and no copy says which were on.
func cacheType(ctx context.Context, k *kit.Kit) error {
	if !k.Tree.HasFlag(tree.FlagEnvFileAbsence) {
		return nil
	}
	if saved, err := k.PHPFile(tree.EnvPHPBackup).Read(); err == nil && saved.Len() > 1 && saved.Has("cache_types") {
		k.Log.Info("Cache types are those of app/etc/env.php.bak")
		return nil
	}
	k.Log.Info("Run cache:enable to restore all cache types")
	return magento(ctx, k, codeCacheEnable, "cache:enable")
}

// configImport imports the shared configuration.
func configImport(ctx context.Context, k *kit.Kit) error {
	version, err := k.MagentoVersion()
	if err != nil {
		return err
	}
	if !version.AtLeast("2.2") {
		return nil
	}
	k.Log.Info("Run app:config:import command")
	return magento(ctx, k, codeConfigImport, "app:config:import")
}

// magento runs bin/magento as verbose as the deploy stage says; a failure gets the code.
func magento(ctx context.Context, k *kit.Kit, code int, command string) error {
	verbose, err := k.Stages.Deploy.Text(verbosityVariable)
	if err != nil {
		return err
	}
	k.Progress.Touch(command)
	_, err = k.Magento(ctx, command, verbose)
	return fault.Wrap(code, err)
}
