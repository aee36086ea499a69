package cli

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/pem"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"go.yaml.in/yaml/v3"
	"golang.org/x/crypto/ssh"

	"sluice/apiv1"
)

// sshAccess is how OpenSSH's programs reach a container through the gateway.
type sshAccess struct {
	login   string   // USER@HOST
	options []string // of ssh and scp
}

// sshLinks returns the SSH addresses of an environment's containers by their names.
func sshLinks(env apiv1.Environment) map[string]string {
	links := map[string]string{}
	for rel := range env.Links {
		if name, ok := strings.CutPrefix(rel, "pf:ssh:"); ok {
			links[name] = env.Links.Href(rel)
		}
	}
	return links
}

// sshLink returns the address of the container that was asked for: the only application,
// the one of --app, or a worker of it.
func (c *program) sshLink(ctx context.Context, s selection, worker string) (string, error) {
	env, err := s.Environment(ctx, s.project, s.env)
	if err != nil {
		return "", err
	}
	links := sshLinks(env)
	var apps []string
	for name := range links {
		if !strings.Contains(name, "--") {
			apps = append(apps, name)
		}
	}
	slices.Sort(apps)
	app := c.app
	if app == "" && len(apps) == 1 {
		app = apps[0]
	}
	name := app
	if worker != "" {
		name = app + "--" + strings.TrimPrefix(worker, app+"--")
	}
	switch {
	case links[name] != "":
		return links[name], nil
	case len(links) == 0:
		return "", fail(ExitFailure, "deploy the environment; if that does not help, ask the operator for --ssh-listen", "the environment %s cannot be reached over SSH", s.env)
	case app == "":
		return "", usageError("choose one with --app: "+strings.Join(apps, ", "), "the environment has several applications")
	default:
		return "", fail(ExitFailure, "the applications are "+strings.Join(apps, ", "), "%s not found in the environment %s", name, s.env)
	}
}

// sshAccess prepares a connection: the server's host key, and a certificate of the user.
func (c *program) sshAccess(ctx context.Context, s selection, worker string) (sshAccess, error) {
	link, err := c.sshLink(ctx, s, worker)
	if err != nil {
		return sshAccess{}, err
	}
	u, err := url.Parse(link)
	if err != nil || u.User == nil || u.Hostname() == "" || strings.HasPrefix(u.User.Username(), "-") || strings.HasPrefix(u.Hostname(), "-") {
		return sshAccess{}, fail(ExitFailure, "", "the server has an SSH address that makes no sense: %q", link)
	}
	a := sshAccess{login: u.User.Username() + "@" + u.Hostname()}
	data, err := s.ClientConfiguration(ctx)
	if err != nil {
		return a, err
	}
	var published struct {
		SSH struct {
			Options  []string `yaml:"options"`
			HostKeys []string `yaml:"host_keys"`
		} `yaml:"ssh"`
	}
	if err := yaml.Unmarshal(data, &published); err != nil {
		return a, fmt.Errorf("read the server's client configuration: %w", err)
	}
	dir, err := c.sshDirectory()
	if err != nil {
		return a, err
	}
	known := filepath.Join(dir, "known_hosts")
	if err := writePrivate(known, []byte(strings.Join(published.SSH.HostKeys, "\n")+"\n")); err != nil {
		return a, err
	}
	for _, o := range published.SSH.Options {
		a.options = append(a.options, "-o", o)
	}
	a.options = append(a.options, "-o", "UserKnownHostsFile="+known, "-o", "StrictHostKeyChecking=yes")
	identity, err := c.sshIdentity(ctx, s.Client, dir)
	a.options = append(a.options, identity...)
	return a, err
}

// sshDirectory is where the keys are, beside the configuration file.
func (c *program) sshDirectory() (string, error) {
	path, err := c.configPath()
	if err != nil {
		return "", err
	}
	dir := filepath.Join(filepath.Dir(path), "ssh")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return "", fmt.Errorf("make the directory of SSH keys: %w", err)
	}
	return dir, nil
}

// renewBefore is how long a certificate still has to be valid.
const renewBefore = 2 * time.Minute

// sshIdentity returns the options for a key of this program's and a certificate of it. A
// server that makes no certificates wants the user's own keys.
func (c *program) sshIdentity(ctx context.Context, server *apiv1.Client, dir string) ([]string, error) {
	key := filepath.Join(dir, "id_ed25519")
	options := []string{"-o", "IdentityFile=" + key, "-o", "CertificateFile=" + key + "-cert.pub", "-o", "IdentitiesOnly=yes"}
	if owner, err := readFile(key+".login", maxToken); err == nil && string(owner) == server.Login() && validCertificate(key+"-cert.pub", time.Now()) {
		return options, nil
	}
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return nil, err
	}
	block, err := ssh.MarshalPrivateKey(private, "sluice")
	if err != nil {
		return nil, err
	}
	wire, err := ssh.NewPublicKey(public)
	if err != nil {
		return nil, err
	}
	cert, err := server.SSHCertificate(ctx, string(ssh.MarshalAuthorizedKey(wire)))
	if e, ok := errors.AsType[*apiv1.Error](err); ok && e.Code == http.StatusNotFound {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	// The login comes last: only with it are the key and the certificate used again.
	err = writePrivate(key, pem.EncodeToMemory(block))
	if err == nil {
		err = writePrivate(key+"-cert.pub", []byte(cert))
	}
	if err == nil {
		err = writePrivate(key+".login", []byte(server.Login()))
	}
	return options, err
}

func validCertificate(path string, now time.Time) bool {
	data, err := readFile(path, maxConfig)
	if err != nil {
		return false
	}
	key, _, _, _, err := ssh.ParseAuthorizedKey(data) //nolint:dogsled // the library's results
	cert, ok := key.(*ssh.Certificate)
	return err == nil && ok && cert.ValidBefore > uint64(now.Add(renewBefore).Unix()) //nolint:gosec // after 1970
}

// openssh runs one of OpenSSH's programs with this program's streams.
func (c *program) openssh(ctx context.Context, name string, args ...string) error {
	cmd := exec.CommandContext(ctx, name, args...) //nolint:gosec // ssh and scp; no shell
	cmd.Env, cmd.Stdin, cmd.Stdout, cmd.Stderr = c.environ, c.in, c.out, c.err
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.WaitDelay = 5 * time.Second
	err := cmd.Run()
	if e, ok := errors.AsType[*exec.ExitError](err); ok && e.ExitCode() > 0 {
		return statusError(e.ExitCode())
	}
	if errors.Is(err, exec.ErrNotFound) {
		return fail(ExitFailure, "install OpenSSH's client, for example with: apt-get install openssh-client", "%s is not installed on this machine", name)
	}
	return err
}

const remotePrefix = "remote:"

func (c *program) environmentSCP() *cobra.Command {
	var (
		recursive bool
		worker    string
	)
	cmd := &cobra.Command{
		Use:     "environment:scp FILE... TARGET",
		Aliases: []string{"scp"},
		Short:   "Copy files to and from an application's container",
		Long: "Copies files with OpenSSH's scp. Paths in the container begin with \"remote:\"; those that are not absolute are below /app. " +
			"Files can be written in mounts and in /tmp only.",
		Example: "  sluice scp dump.sql remote:/tmp/\n  sluice scp -r remote:var/log ./log",
		Args:    positional(cobra.MinimumNArgs(2)),
		RunE: func(cmd *cobra.Command, args []string) error {
			if !slices.ContainsFunc(args, func(a string) bool { return strings.HasPrefix(a, remotePrefix) }) {
				return usageError("write remote:PATH for a path in the container", "none of the paths is in the container")
			}
			s, err := c.selectEnvironment(cmd.Context())
			if err != nil {
				return err
			}
			a, err := c.sshAccess(cmd.Context(), s, worker)
			if err != nil {
				return err
			}
			line := slices.Clone(a.options)
			if recursive {
				line = append(line, "-r")
			}
			line = append(line, "--")
			for _, arg := range args {
				if path, ok := strings.CutPrefix(arg, remotePrefix); ok {
					arg = a.login + ":" + path
				} else if strings.Contains(arg, ":") && !filepath.IsAbs(arg) {
					arg = "./" + arg // not a host
				}
				line = append(line, arg)
			}
			return c.openssh(cmd.Context(), "scp", line...)
		},
	}
	cmd.Flags().BoolVarP(&recursive, "recursive", "r", false, "copy directories with what is in them")
	cmd.Flags().StringVar(&worker, "worker", "", "a worker of the application instead of its web container")
	return cmd
}
