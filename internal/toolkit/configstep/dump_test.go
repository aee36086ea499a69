package configstep_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"sluice/internal/toolkit/configstep"
	"sluice/internal/toolkit/database/databasetest"
	"sluice/internal/toolkit/shell"
	"sluice/internal/toolkit/toolkittest"
)

const dumpedEnv = "<?php return ['crypt' => ['key' => 'k']]; // mine\n"

func dumpWorld(t *testing.T) *toolkittest.World {
	t.Helper()
	w := world(t, "2.4.7", "stage: {post-deploy: {VERBOSE_COMMANDS: '-v'}}\n", "-- app/etc/env.php --\n"+dumpedEnv)
	db := databasetest.New(t)
	db.Prefix = "x_"
	db.Must(t, "CREATE TABLE x_admin_user (interface_locale TEXT); INSERT INTO x_admin_user VALUES ('en_US'), ('de_DE'), ('en_US'), (NULL)")
	w.Databases["default"] = db
	return w
}

func TestDump(t *testing.T) {
	w := dumpWorld(t)
	w.Shell.On("php ./bin/magento app:config:dump", func(shell.Command) (shell.Result, error) {
		write(t, w, "app/etc/env.php", "<?php return ['system' => ['secret' => 1]];")
		write(t, w, "app/etc/config.php", "<?php return ['scopes' => ['websites' => []], 'system' => ['default' => ['payment' => 1, 'general' => ['locale' => ['code' => 'en_US']]]], 'modules' => ['A' => 1]];")
		return shell.Result{}, nil
	})
	if err := configstep.Dump(t.Context(), w.Kit); err != nil {
		t.Fatal(err)
	}
	same(t, dumpedEnv, w.File(t, "app/etc/env.php"))
	same(t, `<?php
return [
    'scopes' => [
        'websites' => [

        ]
    ],
    'system' => [
        'default' => [
            'general' => [
                'locale' => [
                    'code' => 'en_US'
                ]
            ]
        ]
    ],
    'modules' => [
        'A' => 1
    ],
    'admin_user' => [
        'locale' => [
            'code' => [
                'de_DE',
                'en_US'
            ]
        ]
    ]
];
`, w.File(t, "app/etc/config.php"))
	same(t, "php ./bin/magento app:config:dump --ansi --no-interaction -v\nphp ./bin/magento app:config:import --ansi --no-interaction -v", strings.Join(w.Shell.Lines(), "\n"))
	if log := w.Log(); !strings.HasPrefix(log, "INFO: Starting dump.\n") || !strings.HasSuffix(log, "INFO: Dump completed.\n") {
		t.Error(log)
	}
}

// TestDumpPutsEnvBackAfterAFailure makes sure that a failure leaves env.php as it was.
func TestDumpPutsEnvBackAfterAFailure(t *testing.T) {
	w := dumpWorld(t)
	w.Shell.On("php ./bin/magento app:config:dump", func(c shell.Command) (shell.Result, error) {
		write(t, w, "app/etc/env.php", "<?php return [")
		return shell.Result{Code: 1}, &shell.Failure{Line: shell.Line(c), Output: "no", Code: 1}
	})
	if err := configstep.Dump(t.Context(), w.Kit); err == nil || !strings.Contains(err.Error(), "no") {
		t.Errorf("%v", err)
	}
	same(t, dumpedEnv, w.File(t, "app/etc/env.php"))
}

func write(t *testing.T, w *toolkittest.World, name, text string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(w.Dir, name), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}
