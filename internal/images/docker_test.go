package images_test

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"sluice/internal/catalog"
	"sluice/internal/images"
)

// needDocker skips without an engine, and fails where one is required. Assembling takes
// a minute and the network, so it happens only there.
func needDocker(t *testing.T) {
	t.Helper()
	required := strings.Contains(os.Getenv("SLUICE_REQUIRE"), "docker") //nolint:forbidigo // tests are told by the environment what must not be skipped
	if _, err := docker(t.Context(), "version"); err != nil {
		if required {
			t.Fatal(err)
		}
		t.Skip("no Docker engine answers")
	}
	if !required {
		t.Skip("set SLUICE_REQUIRE=docker to assemble images")
	}
}

// Every service whose image is in the store starts with a read-only root, without
// capabilities, as an ordinary user; is set up; survives a restart; and stops in time.
// The smallest is assembled when it is not there.
func TestAssembledServicesRunWithoutRights(t *testing.T) {
	needDocker(t)
	c := catalog.Default()
	a := images.New(dockerStore{}, images.Options{Catalog: c})
	for _, serviceType := range c.ServiceTypes() {
		for _, version := range c.ServiceVersions(serviceType) {
			s, _ := c.Service(serviceType, version)
			if s.Image.Debian == nil || serviceType == "mariadb" { // the same as mysql
				continue
			}
			t.Run(serviceType+"-"+version, func(t *testing.T) {
				ref, err := images.Reference(s.Image)
				if err != nil {
					t.Fatal(err)
				}
				if _, ok, err := (dockerStore{}).Lookup(t.Context(), ref); err != nil {
					t.Fatal(err)
				} else if !ok && serviceType != "memcached" {
					t.Skipf("%s has not been assembled", ref)
				}
				if _, err := a.Ensure(t.Context(), s.Image, t.Output()); err != nil {
					t.Fatal(err)
				}
				runService(t, s, ref)
			})
		}
	}
}

func runService(t *testing.T, s catalog.Service, ref string) {
	t.Helper()
	name := "sluice-images-test-" + strings.ReplaceAll(s.Type+"-"+s.Version, ".", "-")
	mustDocker(t, append(runArguments(t, s, name), append([]string{ref}, s.Command...)...)...)
	t.Cleanup(func() {
		_ = exec.CommandContext(context.WithoutCancel(t.Context()), "docker", "rm", "--force", "--volumes", name).Run()
	})
	started := time.Now()
	healthy(t, s, name)
	t.Logf("healthy after %s", time.Since(started).Round(time.Millisecond))
	setUp(t, s, name)
	setUp(t, s, name) // repeatable

	mustDocker(t, "restart", "--time", strconv.Itoa(int(s.Stop.Seconds())), name)
	healthy(t, s, name)

	stopping := time.Now()
	mustDocker(t, "stop", "--time", strconv.Itoa(int(s.Stop.Seconds())), name)
	if code := mustDocker(t, "inspect", "--format", "{{.State.ExitCode}}", name); code == "137" {
		t.Errorf("it had to be killed after %s", s.Stop)
	}
	t.Logf("stopped after %s", time.Since(stopping).Round(time.Millisecond))
}

func runArguments(t *testing.T, s catalog.Service, name string) []string {
	t.Helper()
	args := []string{
		"run", "--detach", "--name", name, "--network", "none", "--user", s.User,
		"--read-only", "--cap-drop", "ALL", "--security-opt", "no-new-privileges", "--tmpfs", "/tmp",
	}
	for _, dir := range s.Tmpfs {
		args = append(args, "--tmpfs", dir)
	}
	for key, value := range s.Env {
		args = append(args, "--env", key+"="+strings.ReplaceAll(value, "${memory}", "256"))
	}
	if s.DataDir != "" {
		args = append(args, "--volume", dataDir(t, s)+":"+s.DataDir)
	}
	return args
}

func dataDir(t *testing.T, s catalog.Service) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "data")
	if err := os.Mkdir(dir, 0o750); err != nil {
		t.Fatal(err)
	}
	uid, gid, _ := strings.Cut(s.User, ":")
	u, _ := strconv.Atoi(uid)
	g, _ := strconv.Atoi(gid)
	if err := os.Chown(dir, u, g); err != nil {
		t.Skipf("a data directory cannot be given to %s: %v", s.User, err)
	}
	return dir
}

func healthy(t *testing.T, s catalog.Service, name string) {
	t.Helper()
	var err error
	for deadline := time.Now().Add(5 * time.Minute); time.Now().Before(deadline); time.Sleep(100 * time.Millisecond) {
		if _, err = docker(t.Context(), append([]string{"exec", name}, s.Health...)...); err == nil {
			return
		}
		if state, _ := docker(t.Context(), "inspect", "--format", "{{.State.Running}}", name); state != "true" {
			break
		}
	}
	logs, _ := exec.CommandContext(t.Context(), "docker", "logs", "--tail", "40", name).CombinedOutput()
	t.Fatalf("not healthy: %v\n%s", err, logs)
}

func setUp(t *testing.T, s catalog.Service, name string) {
	t.Helper()
	if len(s.SetupCommand) == 0 {
		return
	}
	input := "guest\nsecret\n"
	if s.Scheme == "mysql" {
		input = "CREATE DATABASE IF NOT EXISTS `main`;\nCREATE USER IF NOT EXISTS 'user'@'%';\n" +
			"ALTER USER 'user'@'%' IDENTIFIED BY 'secret';\nGRANT ALL PRIVILEGES ON `main`.* TO 'user'@'%';\n"
	}
	cmd := exec.CommandContext(t.Context(), "docker", append([]string{"exec", "--interactive", name}, s.SetupCommand...)...)
	cmd.Stdin = strings.NewReader(input)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("set up: %v\n%s", err, out)
	}
}

func mustDocker(t *testing.T, args ...string) string {
	t.Helper()
	out, err := docker(t.Context(), args...)
	if err != nil {
		t.Fatal(err)
	}
	return out
}
