package deploy_test

import (
	"context"
	"strings"
	"testing"

	"sluice/internal/deploy"
	"sluice/internal/engine"
	"sluice/internal/platform"
)

// reachShop has two applications, of which one asks the other, a worker and a database.
var reachShop = map[string]string{
	"shop/.magento.app.yaml": "name: mymagento\ntype: php:8.2\ndisk: 128\nrelationships: { database: 'mysql:mysql', prices: 'api:http' }\n" +
		"web: { locations: { '/': { root: web } } }\nworkers: { queue: { commands: { start: 'sleep 1d' } } }\n",
	"shop/web/index.html":    "hello",
	"api/.magento.app.yaml":  "name: api\ntype: php:8.2\ndisk: 128\nweb: { locations: { '/': { root: web } } }\n",
	"api/web/index.html":     "hello",
	".magento/services.yaml": "mysql:\n  type: mysql:10.11\n  disk: 256\n",
	".magento/routes.yaml":   "'http://{default}/': { type: upstream, upstream: 'mymagento:http' }\n",
}

func (w *world) deployed(files map[string]string) (*deploy.Service, platform.Environment) {
	w.t.Helper()
	if log, a := w.push(files); a.Result != platform.ResultSuccess {
		w.t.Fatalf("push:\n%s", log)
	}
	env, err := w.store.Environment(w.t.Context(), "shop", "main")
	if err != nil {
		w.t.Fatal(err)
	}
	return w.service(nil), env
}

func TestLoginsAreLocated(t *testing.T) {
	w := newWorld(t)
	s, env := w.deployed(reachShop)
	id := string(env.ID())
	for login, want := range map[string]string{
		id: "", id + "--mymagento": "mymagento", id + "--mymagento--queue": "mymagento--queue", id + "--mymagento--0": "mymagento", id + "--nobody": "nobody",
	} {
		if got, container, err := s.Locate(t.Context(), login); err != nil || got.Name != "main" || container != want {
			t.Errorf("%s: %s %q, %v", login, got.Name, container, err)
		}
	}
	for _, login := range []string{"", "shop", id + "-", id + "x", id + "-shop", "--shop"} {
		if _, _, err := s.Locate(t.Context(), login); platform.ErrorCode(err) != platform.CodeNotFound {
			t.Errorf("%q: %v", login, err)
		}
	}
}

func TestCommandsRunInEveryKindOfContainer(t *testing.T) {
	w := newWorld(t)
	s, env := w.deployed(reachShop)
	var got engine.ExecRequest
	w.engine.OnExec(func(_ context.Context, req engine.ExecRequest) (int, error) {
		got = req
		return 3, nil
	})
	run := func(container string) error {
		_, err := s.Exec(t.Context(), deploy.Command{Project: "shop", Environment: "main", Container: container, Argv: []string{"id"}})
		return err
	}
	for container, release := range map[string]string{"mymagento": env.Release, "api": env.Release, "mymagento--queue": env.Release, "mysql": ""} {
		if err := run(container); err != nil || got.Container != container || got.Release != release {
			t.Errorf("%s: it ran in %q of release %q, %v", container, got.Container, got.Release, err)
		}
		if sources := strings.Contains(strings.Join(got.Command, " "), ".environment"); sources == (release == "") {
			t.Errorf("%s: it ran %q", container, got.Command)
		}
	}
	for container, code := range map[string]platform.Code{"": platform.CodeInvalid, "nobody": platform.CodeNotFound} {
		if err := run(container); platform.ErrorCode(err) != code {
			t.Errorf("%q: %v", container, err)
		}
	}
}

func TestOnlyRelationshipsAreReached(t *testing.T) {
	w := newWorld(t)
	s, env := w.deployed(reachShop)
	reach := func(container, host string, port int) (string, error) {
		return s.Reach(t.Context(), "shop", "main", container, host, port)
	}
	status, err := w.engine.Observe(t.Context(), env.ID())
	if err != nil {
		t.Fatal(err)
	}
	api := ""
	for _, c := range status.Containers {
		if c.Name == "api" {
			api = c.Address
		}
	}
	for _, container := range []string{"mymagento", "mymagento--queue"} {
		address, err := reach(container, "database.internal", 3306)
		if prefix, _, _ := strings.Cut(env.Subnet, "0/"); err != nil || !strings.HasPrefix(address, prefix) || !strings.HasSuffix(address, ":3306") {
			t.Errorf("%s: %q, %v, in %s", container, address, err, env.Subnet)
		}
		if address, err := reach(container, "prices.internal", 8080); err != nil || address != api || api == "" {
			t.Errorf("%s: %q, %v, want %s", container, address, err, api)
		}
	}
	for _, c := range []struct {
		container, host string
		port            int
	}{
		{"api", "database.internal", 3306},
		{"mysql", "database.internal", 3306},
		{"mymagento", "database.internal", 22},
		{"mymagento", "127.0.0.1", 3306},
		{"mymagento", "", 8080},
		{"mymagento", "router.internal", 80},
	} {
		if address, err := reach(c.container, c.host, c.port); platform.ErrorCode(err) != platform.CodeForbidden {
			t.Errorf("%v: %q, %v", c, address, err)
		}
	}
}
