package deploystep

import (
	"bufio"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"sluice/internal/toolkit/fault"
	"sluice/internal/toolkit/phparray"
)

func TestPreDeployTellsBeforeItWrites(t *testing.T) {
	w, _ := world(t, "")
	must(t, run(t, w, `Step\Deploy\PreDeploy`, steps("steps", w.Kit, "nested")))
	same(t, "log", w.Log(), "NOTICE: Starting pre-deploy.\nINFO: nested\nNOTICE: End of pre-deploy.")
	if got := strings.Join(w.Progress.Lines, "\n"); got != "touch pre-deploy: caches and mounts" {
		t.Error(got)
	}
}

func TestPatchLogAndState(t *testing.T) {
	w, _ := world(t, "-- init/var/log/patch.log --\nbuild\n-- var/log/patch.log --\nold\n")
	must(t, run(t, w, `Step\Deploy\PreDeploy\RestorePatchLog`))
	must(t, run(t, w, `Step\Deploy\PreDeploy\CheckState`))
	same(t, "patch.log", w.File(t, "var/log/patch.log"), "old\nbuild")
	same(t, "log", w.Log(), "INFO: Restoring patch log file\nINFO: Set \"env_file_absence\" flag\nINFO: Set flag: var/.env_file_absence")
	for env, absent := range map[string]bool{"<?php return [];": true, "<?php return ['cache_types' => ['config' => 1]];": true, "<?php return ['cache_types' => [], 'crypt' => []];": false} {
		w, _ := world(t, "-- app/etc/env.php --\n"+env)
		must(t, run(t, w, `Step\Deploy\PreDeploy\CheckState`))
		must(t, run(t, w, `Step\Deploy\PreDeploy\RestorePatchLog`))
		if exists(w, "var/.env_file_absence") != absent {
			t.Errorf("%s: absent is %t", env, !absent)
		}
	}
	w, _ = world(t, "-- app/etc/env.php --\n<?php return getenv('X');")
	if err := run(t, w, `Step\Deploy\PreDeploy\CheckState`); err == nil {
		t.Error("an env.php that cannot be read is taken for an absent one")
	}
}

func TestStaticContentIsCleared(t *testing.T) {
	w, _ := world(t, "-- pub/static/a.js --\n-- .static_content_deploy --\n")
	must(t, run(t, w, `Step\Deploy\PreDeploy\CleanStaticContent`)) // no mount
	mount(w, "pub/static")
	w.Variables["CLEAN_STATIC_FILES"] = false
	must(t, run(t, w, `Step\Deploy\PreDeploy\CleanStaticContent`))
	if !exists(w, "pub/static/a.js") {
		t.Error("static content is gone")
	}
	w.Variables["CLEAN_STATIC_FILES"] = true
	must(t, run(t, w, `Step\Deploy\PreDeploy\CleanStaticContent`))
	if exists(w, "pub/static/a.js") {
		t.Error("static content is still there")
	}
	same(t, "log", w.LogAt(fault.Info), "INFO: Static content deployment was performed during build hook, cleaning old content.\nINFO: Clearing pub/static")
	w, _ = world(t, "-- .static_content_deploy --\n-- pub/static --\na file\n")
	mount(w, "pub/static")
	fails(t, run(t, w, `Step\Deploy\PreDeploy\CleanStaticContent`), 122)
}

func TestViewsAndFileCache(t *testing.T) {
	w, _ := world(t, "-- var/view_preprocessed/a --\n-- var/cache/b --\n")
	must(t, run(t, w, `Step\Deploy\PreDeploy\CleanViewPreprocessed`))
	must(t, run(t, w, `Step\Deploy\PreDeploy\CleanFileCache`))
	must(t, run(t, w, `Step\Deploy\PreDeploy\CleanFileCache`))
	if exists(w, "var/view_preprocessed/a") || exists(w, "var/cache") {
		t.Error("files are left")
	}
	same(t, "log", w.LogAt(fault.Info), "INFO: Skip copying directory ./var/view_preprocessed.\nINFO: Clearing ./var/view_preprocessed\nINFO: Clearing var/cache directory")
	w, _ = world(t, "-- var/view_preprocessed --\na file\n")
	fails(t, run(t, w, `Step\Deploy\PreDeploy\CleanViewPreprocessed`), 124)
	w.Variables["SKIP_HTML_MINIFICATION"] = false
	must(t, run(t, w, `Step\Deploy\PreDeploy\CleanViewPreprocessed`))
}

func TestRestore(t *testing.T) {
	w, _ := world(t, lock("2.4.6")+"-- init/app/etc/config.php --\nnew\n-- app/etc/config.php --\nold\n-- app/etc/env.php --\nmine\n-- init/pub/media/ --\n-- var/.regenerate --\n"+
		"-- .static_content_deploy --\n-- init/pub/static/frontend/a.js --\na\n-- init/pub/static/deployed_version.txt --\n1\n-- init/var/view_preprocessed/x --\nx\n")
	mount(w, "pub/static")
	w.Variables["SKIP_HTML_MINIFICATION"] = false
	must(t, os.MkdirAll(filepath.Join(w.Dir, "pub/static"), 0o750))
	must(t, os.Symlink("../../init/pub/static/gone", filepath.Join(w.Dir, "pub/static/frontend")))
	must(t, run(t, w, `Step\Deploy\PreDeploy\RestoreWritableDirectories`))
	same(t, "files", w.File(t, "app/etc/config.php")+w.File(t, "app/etc/env.php")+w.File(t, "pub/static/frontend/a.js")+w.File(t, "pub/static/deployed_version.txt")+w.File(t, "var/view_preprocessed/x"), "new\nmine\na\n1\nx")
	same(t, "log", w.Log(), `DEBUG: Directory app/etc was copied with strategy: copy
INFO: init/pub/media is empty. Nothing to restore
DEBUG: Directory pub/media was copied with strategy: copy
DEBUG: Directory var/view_preprocessed was copied with strategy: copy
DEBUG: Directory pub/static was copied with strategy: sub_symlink
NOTICE: Recoverable directories were copied back.
INFO: Deleting flag: var/.regenerate`)
}

func TestWhatCannotBeRestoredIsAWarning(t *testing.T) {
	w, _ := world(t, lock("2.4.6")+"-- .static_content_deploy --\n-- init/pub/static/frontend/a.js --\n-- pub/static/frontend/old.js --\n-- init/var/view_preprocessed/x/y --\n")
	mount(w, "pub/static")
	w.Variables["SKIP_HTML_MINIFICATION"], w.Variables["CLEAN_STATIC_FILES"] = false, false
	must(t, run(t, w, `Step\Deploy\PreDeploy\RestoreWritableDirectories`))
	logs(t, w, "WARNING: [2026] Cannot copy directory init/app/etc. Directory does not exist.", "DEBUG: Directory var/view_preprocessed was copied with strategy: copy_sub_folders", `WARNING: [2026] Cannot create a symlink for "init/pub/static/frontend" and place it to "pub/static/frontend"`)
	if !exists(w, "pub/static/frontend/old.js") {
		t.Error("old content is gone")
	}
}

func TestContentOfTheBuildStaysWithoutAMount(t *testing.T) {
	w, _ := world(t, lock("2.4.6")+"-- .static_content_deploy --\n-- init/app/etc/config.php --\n-- init/pub/media/a --\n-- pub/static/frontend/a.js --\n")
	must(t, run(t, w, `Step\Deploy\PreDeploy\RestoreWritableDirectories`))
	if got := w.LogAt(fault.Warning); got != "" {
		t.Error(got)
	}
}

func TestRestoreOf21(t *testing.T) {
	w, _ := world(t, lock("2.1.9")+"-- init/app/etc/a --\n-- init/pub/media/b --\n-- init/var/di/c --\nc\n-- init/var/generation/d --\nd\n-- var/di/old --\n")
	must(t, run(t, w, `Step\Deploy\PreDeploy\RestoreWritableDirectories`))
	if w.File(t, "var/di/c") != "c\n" || exists(w, "var/di/old") || w.File(t, "var/generation/d") != "d\n" {
		t.Error("generated code was not linked")
	}
	w.Variables["GENERATED_CODE_SYMLINK"] = false
	must(t, run(t, w, `Step\Deploy\PreDeploy\RestoreWritableDirectories`))
	if info, err := os.Lstat(filepath.Join(w.Dir, "var/di")); err != nil || !info.IsDir() {
		t.Error("generated code is still a link", err)
	}
	if got := w.LogAt(fault.Warning); got != "" {
		t.Error(got)
	}
}

// redis is a server that notes the commands it gets.
func redis(t *testing.T) (host, port string, commands chan string) {
	t.Helper()
	listener, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	must(t, err)
	t.Cleanup(func() { _ = listener.Close() })
	commands = make(chan string, 100)
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go serve(conn, commands)
		}
	}()
	host, port, err = net.SplitHostPort(listener.Addr().String())
	must(t, err)
	return host, port, commands
}

// serve reads arrays of bulk strings and answers OK.
func serve(conn net.Conn, commands chan<- string) {
	lines := bufio.NewScanner(conn)
	for lines.Scan() {
		count := int(lines.Text()[1] - '0')
		var words []string
		for range count {
			lines.Scan()
			lines.Scan()
			words = append(words, lines.Text())
		}
		commands <- strings.Join(words, " ")
		if _, err := conn.Write([]byte("+OK\r\n")); err != nil {
			return
		}
	}
}

func TestRedisIsFlushed(t *testing.T) {
	host, port, commands := redis(t)
	w, _ := world(t, lock("2.4.6"))
	must(t, run(t, w, `Step\Deploy\PreDeploy\CleanRedisCache`))
	relate(w, "redis", phparray.Map("host", host, "port", port, "password", "secret"))
	must(t, run(t, w, `Step\Deploy\PreDeploy\CleanRedisCache`))
	must(t, run(t, w, `Step\Deploy\PreDeploy\CleanValkeyCache`))
	var got []string
	for range 6 {
		got = append(got, <-commands)
	}
	same(t, "commands", strings.Join(got, ", "), "AUTH secret, SELECT 1, FLUSHDB, AUTH secret, SELECT 2, FLUSHDB")
	same(t, "log", w.LogAt(fault.Info), "INFO: Clearing redis cache: default\nINFO: Clearing redis cache: page_cache")
	relate(w, "redis", phparray.Map("host", "127.0.0.1", "port", "1"))
	err := run(t, w, `Step\Deploy\PreDeploy\CleanRedisCache`)
	fails(t, err, 107)
	w.Kit.Platform.Relationships.Unset("redis")
	relate(w, "valkey", phparray.Map("host", "127.0.0.1", "port", "1"))
	must(t, run(t, w, `Step\Deploy\PreDeploy\CleanRedisCache`))
	fails(t, run(t, w, `Step\Deploy\PreDeploy\CleanValkeyCache`), 140)
}
