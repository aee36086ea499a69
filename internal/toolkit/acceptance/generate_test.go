//go:build differential

package acceptance

import (
	"fmt"
	"math/rand/v2"
)

// generator draws from what shops have. A seed always gives the same environment.
type generator struct {
	*rand.Rand

	server int // a port of this machine where connections are accepted
}

func pick[T any](g generator, from ...T) T { return from[g.IntN(len(from))] }

// often is true in n of 100 cases.
func (g generator) often(n int) bool { return g.IntN(100) < n }

func generate(r *rand.Rand, server int) *environment {
	g := generator{r, server}
	e := &environment{
		lock:      map[string]string{"magento/magento2-base": pick(g, "2.2.4", "2.2.10", "2.3.0", "2.3.5-p2", "2.3.7-p3", "2.4.0", "2.4.2", "2.4.3-p1", "2.4.4", "2.4.5-p8", "2.4.6", "2.4.7-p3", "2.4.8")},
		relations: g.relationships(), variables: g.environmentVariables(), stages: g.stages(), env: g.envPHP(), backup: g.backup(),
	}
	e.lock["symfony/process"] = "v5.4.53" // the original looks for it
	if g.often(20) {
		e.lock["smile/elasticsuite"] = "2.10.12"
	}
	if g.often(60) {
		e.lock["colinmollenhour/php-redis-session-abstract"] = pick(g, "1.3.8", "1.4.5", "1.5.5", "2.0.1")
	}
	if g.often(20) {
		e.locks = "/tmp/locks"
	}
	return e
}

func (g generator) endpoint(more map[string]any) []any {
	e := map[string]any{"host": pick(g, "one.internal", "two.internal"), "port": 1}
	for k, v := range more {
		e[k] = v
	}
	return []any{e}
}

func (g generator) relationships() map[string]any {
	r := map[string]any{}
	database := func(name string, chance int) {
		if g.often(chance) {
			r[name] = g.endpoint(map[string]any{"port": pick(g, 3306, 3306, 3307), "path": name, "username": "user", "password": pick(g, "", "p'w\\d", "pässword"), "scheme": "mysql", "type": "mysql:10.6"})
		}
	}
	database("database", 90)
	database("database-slave", 30)
	database("database-quote", 20)
	database("database-quote-slave", 10)
	database("database-sales", 20)
	redis := func(name string, chance int) {
		if !g.often(chance) {
			return
		}
		e := map[string]any{"host": "127.0.0.1", "port": pick(g, g.server, g.server, 1), "scheme": "redis", "type": "redis:7.0"}
		if g.often(20) {
			e["password"] = "redis-secret"
		}
		r[name] = []any{e}
	}
	redis("redis", 60)
	redis("redis-slave", 25)
	redis("redis-session", 30)
	if g.often(40) {
		r[pick(g, "rabbitmq", "mq", "amqp")] = g.endpoint(map[string]any{"port": 5672, "username": "guest", "password": "guest", "vhost": pick(g, "", "shop")})
	}
	search := func(name, version string, chance int) {
		if !g.often(chance) {
			return
		}
		e := map[string]any{"port": pick(g, 9200, 443), "scheme": pick(g, "", "http", "https"), "type": name + ":" + version}
		if g.often(30) {
			e["username"], e["password"] = "user", "search-secret"
		}
		if g.often(20) {
			e["query"] = map[string]any{"index": "shop"}
		}
		r[name] = g.endpoint(e)
	}
	search("elasticsearch", pick(g, "5.2", "6.5", "7.10"), 40)
	search("opensearch", pick(g, "1.2", "2.12"), 40)
	if g.often(8) {
		r["solr"] = g.endpoint(map[string]any{"port": 8080, "scheme": "solr", "path": "collection1"})
	}
	return r
}

func (g generator) environmentVariables() map[string]any {
	v := map[string]any{}
	if g.often(20) {
		v["CRYPT_KEY"] = "key-of-the-platform"
	}
	if g.often(20) {
		v["ADMIN_URL"] = "backoffice"
	}
	if g.often(15) {
		v["UPDATE_URLS"] = pick(g, "enabled", "disabled")
	}
	if g.often(15) {
		v["VERBOSE_COMMANDS"] = pick(g, "enabled", "-vvv")
	}
	if g.often(15) {
		v["SESSION_CONFIGURATION"] = `{"save": "redis", "redis": {"host": "own", "database": 7, "timeout": 2.5}}`
	}
	return v
}

func (g generator) stages() map[string]any {
	deploy, global := map[string]any{}, map[string]any{}
	maybe := func(stage map[string]any, name string, chance int, values ...any) {
		if g.often(chance) {
			stage[name] = pick(g, values...)
		}
	}
	maybe(global, "SCD_ON_DEMAND", 30, true, false)
	maybe(global, "SKIP_HTML_MINIFICATION", 30, true, false)
	maybe(global, "X_FRAME_CONFIGURATION", 20, "SAMEORIGIN", "DENY")
	type m = map[string]any
	maybe(deploy, "DATABASE_CONFIGURATION", 30,
		m{"_merge": true, "table_prefix": "shop_"},
		m{"_merge": true, "connection": m{"default": m{"driver_options": m{"1001": 1}, "initStatements": "SET NAMES utf8mb4;"}}},
		m{"_merge": true, "connection": m{"default": m{"host": "other.internal"}}},
		m{"connection": m{"default": m{"host": "own.internal", "dbname": "own", "username": "u", "password": "p"}}},
		m{"_merge": true, "connection": m{"checkout": m{"host": "own-quote"}}, "slave_connection": m{"sales": m{"host": "own-slave"}}},
	)
	maybe(deploy, "RESOURCE_CONFIGURATION", 15, m{"_merge": true, "own_setup": m{"connection": "own"}}, m{"default_setup": m{"connection": "default"}}, m{"_merge": true, "checkout": m{"connection": "x"}})
	maybe(deploy, "MYSQL_USE_SLAVE_CONNECTION", 35, true, false)
	maybe(deploy, "CACHE_CONFIGURATION", 30,
		m{"_merge": true, "frontend": m{"default": m{"backend_options": m{"database": 5, "compress_data": "1"}}}},
		m{"frontend": m{"default": m{"backend": "Cm_Cache_Backend_Redis", "backend_options": m{"server": "127.0.0.1", "port": fmt.Sprint(g.server), "database": 10}}}},
		m{"frontend": m{"default": m{"backend": "file"}}},
		m{"_merge": true, "type": m{"default": m{"frontend": "default"}}},
	)
	maybe(deploy, "REDIS_BACKEND", 30, "Cm_Cache_Backend_Redis", `\Magento\Framework\Cache\Backend\Redis`, `\Magento\Framework\Cache\Backend\RemoteSynchronizedCache`)
	maybe(deploy, "REDIS_USE_SLAVE_CONNECTION", 30, true, false)
	maybe(deploy, "SESSION_CONFIGURATION", 25, m{"save": "files"}, m{"_merge": true, "redis": m{"max_concurrency": 10, "database": 3}}, m{"save": "redis", "redis": m{"host": "r", "port": "6379"}}, m{"_merge": true, "save": "db"})
	maybe(deploy, "QUEUE_CONFIGURATION", 25, m{"_merge": true, "amqp": m{"host": "own", "ssl": true}}, m{"amqp": m{"host": "own", "port": 5671, "user": "u", "password": "p", "virtualhost": "/"}}, m{"_merge": true, "consumers_wait_for_messages": 1})
	maybe(deploy, "CONSUMERS_WAIT_FOR_MAX_MESSAGES", 30, true, false)
	maybe(deploy, "SEARCH_CONFIGURATION", 25, m{"engine": "elasticsearch7", "elasticsearch7_server_hostname": "own"}, m{"_merge": true, "opensearch_index_prefix": "p"}, m{"_merge": true, "engine": "mysql"}, m{"engine": "elasticsuite"})
	maybe(deploy, "ELASTICSUITE_CONFIGURATION", 25, m{"_merge": true, "es_client": m{"indices_alias": "own"}}, m{"es_client": m{"servers": "own:9200"}})
	maybe(deploy, "CRON_CONSUMERS_RUNNER", 30, m{"cron_run": true, "max_messages": 5}, m{"cron_run": "true"}, m{"consumers": []any{"a", "b"}, "multiple_processes": m{"a": 3}}, m{"cron_run": false, "max_messages": "10"})
	maybe(deploy, "REMOTE_STORAGE", 25, m{"driver": "aws-s3", "prefix": "shop", "config": m{"bucket": "b", "region": "r", "key": "k", "secret": "s"}}, m{"driver": "aws-s3", "config": m{"bucket": "b", "region": "r"}}, m{"driver": "aws-s3", "config": m{"bucket": "b"}}, m{})
	maybe(deploy, "LOCK_PROVIDER", 25, "file", "db")
	maybe(deploy, "SPLIT_DB", 10, []any{"quote"}, []any{"quote", "sales"})
	return map[string]any{"global": global, "deploy": deploy}
}

// sections are what env.php may have from before, own settings and values of every kind among them.
func (g generator) envPHP() string {
	switch g.IntN(10) {
	case 0:
		return ""
	case 1:
		return "<?php\nreturn [];\n"
	case 2:
		return "<?php return array('cache_types' => array('config' => 1, 'full_page' => 0));"
	}
	text := "<?php\nreturn [\n'crypt' => ['key' => 'old-key'], 'install' => ['date' => 'Mon, 02 Jan 2023 00:00:00 +0000'],\n"
	for _, section := range []string{
		"'db' => ['table_prefix' => '', 'connection' => ['default' => ['host' => 'old.internal', 'dbname' => 'a', 'username' => 'u', 'password' => 'p', 'own' => 1]]],\n'resource' => ['default_setup' => ['connection' => 'default']],\n",
		"'cache' => ['frontend' => ['default' => ['backend' => 'x']], 'graphql' => ['id_salt' => 'salt']],\n",
		"'session' => ['save' => 'files', 'redis' => ['host' => 'gone']],\n",
		"'queue' => ['amqp' => ['host' => 'gone', 'own' => true], 'consumers_wait_for_messages' => 1],\n",
		"'system' => ['default' => ['catalog' => ['search' => ['engine' => 'mysql', 'own' => '1']], 'smile_elasticsuite_core_base_settings' => ['es_client' => ['servers' => 'gone']], 'payment' => ['checkmo' => ['active' => '0']]], 'stores' => ['de' => ['general' => ['locale' => ['code' => 'de_DE']]]]],\n",
		"'backend' => ['frontName' => 'secret_admin'],\n'cron' => ['enabled' => 0, 'own' => 3],\n",
		"'cron_consumers_runner' => ['cron_run' => true, 'own' => 5],\n",
		"'lock' => ['provider' => 'zookeeper', 'config' => ['path' => '/x']],\n",
		"'remote_storage' => ['driver' => 'aws-s3', 'config' => ['bucket' => 'old']],\n",
		"'http_cache_hosts' => [['host' => 'varnish', 'port' => 80]],\n'own' => ['null' => null, 'float' => 1.5, 'int' => -3, 'true' => true, 'text' => \"a'b\\\\c\", 'list' => [1, 'x' => 2, 5 => 'five'], 'deep' => ['a' => ['b' => ['c' => []]]]],\n",
		"'x-frame-options' => 'ALLOW', 'MAGE_MODE' => 'developer', 'directories' => ['document_root_is_pub' => false],\n",
	} {
		if g.often(45) {
			text += section
		}
	}
	return text + "];\n"
}

func (g generator) backup() string {
	if g.often(70) {
		return ""
	}
	return "<?php return ['crypt' => ['key' => 'saved-key'], 'backend' => ['frontName' => 'saved']];\n"
}
