package e2e

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// peer is the shop without a platform: the same files, images and settings as those of a
// Sluice deployment, built by docker and started by compose (testdata/peer).
type peer struct {
	*shop
	work    string // what docker builds from
	name    string // of the compose project and the image
	docker  string
	compose []string
	port    int
	runtime string
	images  []string // made, for the clean-up
}

// Parts of a deployment by hand.
const (
	partPeerBuild = "docker build"
	partPeerUp    = "compose up"
	partPeerHook  = "deploy hook"
	partPeerFails = "failed requests" // a count, not seconds
)

// newPeer starts the shop beside that of s and returns nil when the tools are missing:
// SLUICE_BENCH_DOCKER is a docker that builds with BuildKit, SLUICE_BENCH_COMPOSE the
// compose command.
func newPeer(s *shop) *peer {
	s.t.Helper()
	p := &peer{
		shop: s, work: filepath.Join(s.machine.dir, "peer"), name: s.prefix + "-peer",
		docker: os.Getenv("SLUICE_BENCH_DOCKER"), compose: strings.Fields(os.Getenv("SLUICE_BENCH_COMPOSE")), port: freePort(s.t),
	}
	if p.docker == "" || len(p.compose) == 0 {
		return nil
	}
	p.writeFiles()
	s.t.Cleanup(p.destroy)
	p.build()
	p.up()
	p.setUpServices()
	p.deployHook()
	p.eventually("the peer answers", func() bool {
		status, _ := p.get(p.site() + "/")
		return status == 200
	})
	return p
}

func (p *peer) site() string { return fmt.Sprintf("http://127.0.0.1:%d", p.port) }

// engineContainer is what the engine says of a container.
type engineContainer struct {
	ID     string
	Image  string
	Labels map[string]string
	Config struct{ Env []string }
}

// containers returns those of the shop's environment by their names in it.
func (p *peer) containers() map[string]engineContainer {
	p.t.Helper()
	var list []engineContainer
	p.engine("/containers/json?filters="+url.QueryEscape(`{"name":["`+p.prefix+`"]}`), &list)
	out := map[string]engineContainer{}
	for _, c := range list {
		out[c.Labels["sluice.container"]] = c
	}
	return out
}

// writeFiles takes over what the platform generated: configuration and environment.
func (p *peer) writeFiles() {
	p.t.Helper()
	all := p.containers()
	web := all["storefront"]
	p.runtime = p.runtimeOf(web)
	run, err := filepath.Glob(filepath.Join(p.data, "run", "*", web.Labels["sluice.release"], "storefront*"))
	if err != nil || len(run) != 2 {
		p.t.Fatalf("generated files of release %s: %v, %v", web.Labels["sluice.release"], run, err)
	}
	for to, from := range map[string]string{"": "testdata/peer", "config": run[0], "worker": run[1], "app": p.dir} {
		if err := os.CopyFS(filepath.Join(p.work, to), os.DirFS(from)); err != nil {
			p.t.Fatal(err)
		}
	}
	for _, dir := range []string{"app/.git", "app/.magento"} {
		if err := os.RemoveAll(filepath.Join(p.work, dir)); err != nil {
			p.t.Fatal(err)
		}
	}
	if err := os.Rename(filepath.Join(p.work, "worker", "worker"), filepath.Join(p.work, "config", "worker")); err != nil {
		p.t.Fatal(err)
	}
	p.writePeer("app.env", strings.Join(p.environment(), "\n")+"\n")
	p.writePeer(".env", strings.Join([]string{
		"COMPOSE_PROJECT_NAME=" + p.name, "APP_IMAGE=" + p.name, fmt.Sprintf("APP_PORT=%d", p.port),
		"MYSQL_IMAGE=" + all["mysql"].Image, "REDIS_IMAGE=" + all["redis"].Image, "RABBITMQ_IMAGE=" + all["rabbitmq"].Image,
	}, "\n")+"\n")
}

// runtimeOf finds the runtime image whose layers a slug begins with.
func (p *peer) runtimeOf(web engineContainer) string {
	p.t.Helper()
	type image struct{ RootFS struct{ Layers []string } }
	var slug image
	p.engine("/images/"+web.Image+"/json", &slug)
	var list []struct{ RepoTags []string }
	p.engine("/images/json?filters="+url.QueryEscape(`{"reference":["sluice/`+web.Labels["sluice.image"]+`"]}`), &list)
	for _, candidate := range list {
		var base image
		p.engine("/images/"+candidate.RepoTags[0]+"/json", &base)
		n := len(base.RootFS.Layers)
		if n <= len(slug.RootFS.Layers) && slices.Equal(base.RootFS.Layers, slug.RootFS.Layers[:n]) {
			return candidate.RepoTags[0]
		}
	}
	p.t.Fatalf("no runtime image of %s is in the engine", web.Image)
	return ""
}

func (p *peer) writePeer(name, content string) {
	p.t.Helper()
	if err := os.WriteFile(filepath.Join(p.work, name), []byte(content), 0o600); err != nil {
		p.t.Fatal(err)
	}
}

// environment is that of the web container. It names the services as compose.yaml does.
func (p *peer) environment() []string {
	p.t.Helper()
	var c engineContainer
	p.engine("/containers/"+p.containers()["storefront"].ID+"/json", &c)
	return c.Config.Env
}

// setUpServices makes the users that the shop's environment names.
func (p *peer) setUpServices() {
	p.t.Helper()
	var relationships map[string][]struct{ Username, Password, Path string }
	for _, v := range p.environment() {
		if encoded, ok := strings.CutPrefix(v, "MAGENTO_CLOUD_RELATIONSHIPS="); ok {
			b, err := base64.StdEncoding.DecodeString(encoded)
			if err != nil {
				p.t.Fatal(err)
			}
			if err := json.Unmarshal(b, &relationships); err != nil {
				p.t.Fatal(err)
			}
		}
	}
	db, queue := relationships["database"][0], relationships["rabbitmq"][0]
	sql := fmt.Sprintf("CREATE DATABASE %[1]s; CREATE USER %[2]s IDENTIFIED BY '%[3]s'; GRANT ALL ON %[1]s.* TO %[2]s;",
		db.Path, db.Username, db.Password)
	p.eventually("the peer's database is up", func() bool {
		_, err := p.composed("", "exec", "-T", "mysql", "/usr/lib/sluice/health-mariadb")
		return err == nil
	})
	p.must(p.composed(sql, "exec", "-T", "mysql", "/usr/lib/sluice/setup-mariadb"))
	p.eventually("the peer's queue is up", func() bool {
		_, err := p.composed("", "exec", "-T", "rabbitmq", "rabbitmqctl", "change_password", queue.Username, queue.Password)
		return err == nil
	})
}

// tool runs docker or compose where the peer is.
func (p *peer) tool(stdin, name string, args ...string) (string, error) {
	cmd := exec.CommandContext(context.WithoutCancel(p.t.Context()), name, args...) // the clean-up uses it too
	cmd.Dir = p.work
	cmd.Env = append(os.Environ(), "DOCKER_BUILDKIT=1", "BUILDKIT_PROGRESS=plain")
	cmd.Stdin = strings.NewReader(stdin)
	out, err := cmd.CombinedOutput()
	return string(out), err
}

func (p *peer) composed(stdin string, args ...string) (string, error) {
	return p.tool(stdin, p.compose[0], append(p.compose[1:len(p.compose):len(p.compose)], args...)...)
}

// must takes what tool returned.
func (p *peer) must(out string, err error) {
	p.t.Helper()
	if err != nil {
		p.t.Fatalf("%v:\n%s", err, out)
	}
}

func (p *peer) build() {
	p.t.Helper()
	p.must(p.tool("", p.docker, "build", "--build-arg", "RUNTIME="+p.runtime, "--build-arg", "TREE_ID="+p.tree(), "-t", p.name, "."))
	var made struct{ ID string }
	p.engine("/images/"+p.name+"/json", &made)
	p.images = append(p.images, made.ID)
}

func (p *peer) up() {
	p.t.Helper()
	p.must(p.composed("", "up", "-d"))
}

func (p *peer) deployHook() {
	p.t.Helper()
	p.must(p.composed("", "exec", "-T", "web", "php", "bin/shop", "deploy")) // what the hook does; there is no toolkit
}

// tree is the one that the shop was pushed with last, and what the answers say.
func (p *peer) tree() string { return strings.TrimSpace(p.git("rev-parse", "HEAD^{tree}")) }

// deploy brings the shop's version of a file live, as one would by hand, while a visitor
// looks on.
func (p *peer) deploy(changed string) timing {
	p.t.Helper()
	source, err := os.ReadFile(filepath.Join(p.dir, changed))
	if err != nil {
		p.t.Fatal(err)
	}
	p.writePeer(filepath.Join("app", changed), string(source))
	release := p.tree()[:12]
	v := p.visit(p.site())
	begin := time.Now()
	p.build()
	built := time.Now()
	p.up()
	up := time.Now()
	p.deployHook()
	done := time.Now()
	var live time.Time
	p.eventually("the peer's new version answers", func() (ok bool) {
		live, ok = v.first(release, done)
		return ok
	})
	return timing{
		partPeerBuild: built.Sub(begin).Seconds(), partPeerUp: up.Sub(built).Seconds(), partPeerHook: done.Sub(up).Seconds(),
		partLive: live.Sub(begin).Seconds(), partPeerFails: float64(v.leave().Failed()),
	}
}

// destroy removes the containers, volumes and images of the peer.
func (p *peer) destroy() {
	if out, err := p.composed("", "down", "--volumes"); err != nil {
		p.t.Errorf("compose down: %v\n%s", err, out)
	}
	for _, id := range p.images {
		_, _ = p.tool("", p.docker, "rmi", "--force", id)
	}
}
