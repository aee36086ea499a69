package databasetest

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"sluice/internal/catalog"
)

func docker(ctx context.Context, stdin string, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, "docker", args...) //nolint:gosec // G204: the tests' own arguments
	cmd.Stdin = strings.NewReader(stdin)
	var errs bytes.Buffer
	cmd.Stderr = &errs
	out, err := cmd.Output()
	if err != nil {
		return errs.String(), err
	}
	return strings.TrimSpace(string(out)), nil
}

// Container is the name of the container that StartMariaDB starts in this process.
func Container() string { return fmt.Sprintf("sluice-toolkit-database-test-%d", os.Getpid()) }

// StartMariaDB starts the assembled image and returns "host:port" of a server whose database
// main belongs to the account user with the password geheim. Without an image it is left to
// the machines that require Docker, where the images are assembled before the tests.
func StartMariaDB(t *testing.T) string {
	t.Helper()
	required := strings.Contains(os.Getenv("SLUICE_REQUIRE"), "docker") //nolint:forbidigo // the environment says what tests must not skip
	if testing.Short() && !required {
		t.Skip("needs Docker")
	}
	s, ok := catalog.Default().Service("mysql", "10.11")
	if !ok {
		t.Fatal("the catalog has no MariaDB")
	}
	ref, err := docker(t.Context(), "", "image", "ls", "--quiet", "sluice*/mariadb-10.11")
	if err != nil || ref == "" {
		if required {
			t.Fatalf("no image of MariaDB: %v %s", err, ref)
		}
		t.Skip("no image of MariaDB; \"sluiced images mysql:10.11\" assembles it")
	}
	ref, _, _ = strings.Cut(ref, "\n")
	name := Container()
	args := []string{"run", "--detach", "--name", name, "--publish", "127.0.0.1::3306", "--user", s.User, "--read-only", "--tmpfs", "/tmp:mode=1777", "--volume", s.DataDir, "--env", "SLUICE_MEMORY=256", ref}
	if out, err := docker(t.Context(), "", append(args, s.Command...)...); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	t.Cleanup(func() { _, _ = docker(context.WithoutCancel(t.Context()), "", "rm", "--force", "--volumes", name) })
	deadline := time.Now().Add(5 * time.Minute)
	for {
		out, err := docker(t.Context(), "", append([]string{"exec", name}, s.Health...)...)
		if err == nil {
			break
		}
		if running, _ := docker(t.Context(), "", "inspect", "--format", "{{.State.Running}}", name); running != "true" || time.Now().After(deadline) {
			logs, _ := docker(t.Context(), "", "logs", "--tail", "20", name)
			t.Fatalf("not healthy: %v: %s\n%s", err, out, logs)
		}
		time.Sleep(200 * time.Millisecond)
	}
	setUp := append([]string{"exec", "--interactive", name}, s.SetupCommand...)
	sql := "CREATE DATABASE main; CREATE USER 'user'@'%' IDENTIFIED BY 'geheim'; GRANT ALL ON main.* TO 'user'@'%'; GRANT RELOAD ON *.* TO 'user'@'%';"
	if out, err := docker(t.Context(), sql, setUp...); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	port, err := docker(t.Context(), "", "inspect", "--format", `{{(index (index .NetworkSettings.Ports "3306/tcp") 0).HostPort}}`, name)
	if err != nil {
		t.Fatalf("%v: %s", err, port)
	}
	return net.JoinHostPort("127.0.0.1", port)
}
