package envphp

import (
	"testing"

	"sluice/internal/composer"
	"sluice/internal/manifest"
	"sluice/internal/toolkit/kit"
	"sluice/internal/toolkit/phparray"
	"sluice/internal/toolkit/stage"
	"sluice/internal/toolkit/urlmap"
)

// FuzzSections gives every section whatever a platform or a user could send: none may
// panic, and what they make must be an env.php that reads back.
func FuzzSections(f *testing.F) {
	f.Add(`{"redis": [{"host": "r", "port": 6379}], "database": [{"host": "db", "path": "main"}]}`, `{"CACHE_CONFIGURATION": {"_merge": true, "frontend": {"default": {"backend": "x"}}}}`, `<?php return ['db' => ['connection' => ['checkout' => []]]];`, "2.4.7")
	f.Add(`{"redis": [1], "valkey": {"0": {"host": []}}, "opensearch": [{"query": 1}]}`, `{"DATABASE_CONFIGURATION": "[1]", "SESSION_CONFIGURATION": [[]], "REMOTE_STORAGE": {"driver": {}}}`, `<?php return ['cache' => 1, 'system' => 'x', 'db' => ['connection' => 1]];`, "2.1.0")
	f.Add(`[]`, `{"CACHE_CONFIGURATION": {"frontend": {"a": 1, "b": {"backend_options": 5}}}}`, `<?php return ['system' => ['default' => ['web' => ['secure' => ['base_url' => 'http://a/']]]]];`, "2.4.9")
	f.Fuzz(func(t *testing.T, relationships, cloud, env, version string) {
		magento, err := composer.ParseVersion(version)
		current, failed := phparray.Parse("env.php", []byte(env))
		if err != nil || failed != nil {
			return
		}
		in := Input{Magento: magento, Relationships: object(relationships), SessionLibrary: magento, ElasticSuite: len(env)%2 == 0}
		if in.Variables, err = given(t, object(cloud)); err != nil {
			return
		}
		for _, made := range everySection(in, current) {
			if _, err := phparray.Parse("again.php", phparray.Export(made)); err != nil {
				t.Errorf("%v in\n%s", err, phparray.Export(made))
			}
		}
	})
}

func object(text string) *phparray.Array {
	v, err := phparray.DecodeJSON([]byte(text))
	a, ok := v.(*phparray.Array)
	if err != nil || !ok {
		return phparray.New()
	}
	return a
}

func given(t *testing.T, cloud *phparray.Array) (Variables, error) {
	t.Helper()
	v, err := stage.New(nil, cloud)
	if err != nil {
		t.Fatal(err)
	}
	return variables(kit.Stages{Global: kit.Stage{Source: v.In(manifest.StageGlobal)}, Deploy: kit.Stage{Source: v.In(manifest.StageDeploy)}})
}

func everySection(in Input, env *phparray.Array) []*phparray.Array {
	cache, _ := Cache(in)
	reachable, _, _ := ReachableCache(in, cache, env.Sub("cache"), func(server, port string) bool { return len(server) > len(port) })
	session, _ := Session(in)
	queue, _ := Queue(in, env.Sub("queue"))
	database, _, _ := PutDatabase(in, env)
	dropped, _, _ := DropForeignSplit(in, env)
	lock, _ := Lock(in)
	storage, _, _ := RemoteStorage(in)
	sites, _ := urlmap.From(phparray.Map("https://new.example/", phparray.Map("type", "upstream", "original_url", "https://{default}/")))
	hosts, _ := ReplaceHosts(env, sites)
	return []*phparray.Array{
		reachable, session, queue, database, dropped, lock, storage.Section(), hosts, Consumers(in), Prepare(in), Resources(in),
		PutSearch(env, Search(in, "7.10"), ElasticSuite(in, env)), Dumped(env, []string{"en_US"}, true),
	}
}
