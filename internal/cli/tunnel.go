package cli

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"sluice/apiv1"
)

// tunnel is a port of this machine that leads to a service. Those of an environment's
// application share one ssh process, which is asked through its control socket.
type tunnel struct {
	Port         int             `json:"port"`
	Project      string          `json:"project"`
	Environment  string          `json:"environment"`
	App          string          `json:"app"`
	Relationship string          `json:"relationship"` // the name, or NAME.INDEX from the second endpoint on
	Endpoint     json.RawMessage `json:"endpoint"`     // as the relationship has it
}

// url returns where programs connect to.
func (t tunnel) url() string {
	var e struct {
		Scheme, Path, Username, Password string
	}
	_ = json.Unmarshal(t.Endpoint, &e) // what is missing is left out
	u := url.URL{Scheme: cmp.Or(e.Scheme, "tcp"), Host: "127.0.0.1:" + strconv.Itoa(t.Port), Path: e.Path}
	if e.Password != "" {
		u.User = url.UserPassword(e.Username, e.Password)
	} else if e.Username != "" {
		u.User = url.User(e.Username)
	}
	return u.String()
}

// forward is the option of ssh.
func (t tunnel) forward() (string, error) {
	var e struct {
		Host string
		Port int
	}
	if err := json.Unmarshal(t.Endpoint, &e); err != nil || e.Host == "" || e.Port == 0 || strings.ContainsAny(e.Host, ": \t/") {
		return "", fail(ExitFailure, "", "the relationship %s has no host and port", t.Relationship)
	}
	return fmt.Sprintf("127.0.0.1:%d:%s:%d", t.Port, e.Host, e.Port), nil
}

// firstPort is where ports for tunnels are looked for.
const firstPort = 30000

// freePort returns the first port from a number on that nothing listens at.
func freePort(ctx context.Context, from int) (int, error) {
	const most = 1<<16 - 1
	for port := from; port <= most; port++ {
		l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
		if err == nil {
			_ = l.Close() // it was only tried
			return port, nil
		}
	}
	return 0, fail(ExitFailure, "name one with --port", "no port from %d on is free", from)
}

// endpoints returns a tunnel without a port for every endpoint of the relationships.
func endpoints(rels apiv1.Relationships) ([]tunnel, error) {
	var all []tunnel
	for name, raw := range rels {
		var list []json.RawMessage
		if err := json.Unmarshal(raw, &list); err != nil {
			return nil, fmt.Errorf("read the relationship %s: %w", name, err)
		}
		for i, e := range list {
			t := tunnel{Relationship: name, Endpoint: e}
			if i > 0 {
				t.Relationship += "." + strconv.Itoa(i)
			}
			all = append(all, t)
		}
	}
	slices.SortFunc(all, func(a, b tunnel) int { return cmp.Compare(a.Relationship, b.Relationship) })
	return all, nil
}

// prepared returns the tunnels to the relationships, all or one, with free ports.
func (c *program) prepared(ctx context.Context, s selection, only string, port int) ([]tunnel, error) {
	rels, err := s.Relationships(ctx, s.project, s.env, c.app)
	if err != nil {
		return nil, err
	}
	all, err := endpoints(rels)
	if err != nil {
		return nil, err
	}
	names := make([]string, len(all))
	for i, t := range all {
		names[i] = t.Relationship
	}
	if only != "" {
		all = slices.DeleteFunc(all, func(t tunnel) bool { return t.Relationship != only })
	}
	if len(all) == 0 {
		return nil, fail(ExitFailure, "the relationships are "+strings.Join(names, ", "), "the application has no relationship %q", only)
	}
	next := firstPort
	for i := range all {
		if port == 0 || i > 0 {
			if port, err = freePort(ctx, next); err != nil {
				return nil, err
			}
		}
		next = port + 1
		all[i].Port, all[i].Project, all[i].Environment, all[i].App = port, s.project, s.env, c.app
	}
	return all, nil
}

// forwards returns the application's address for ssh, and the arguments before it for tunnels.
func (c *program) forwards(ctx context.Context, s selection, tunnels []tunnel) (login string, line []string, err error) {
	a, err := c.sshAccess(ctx, s, "")
	if err != nil {
		return "", nil, err
	}
	line = append(slices.Clone(a.options), "-o", "ExitOnForwardFailure=yes", "-N")
	for _, t := range tunnels {
		f, err := t.forward()
		if err != nil {
			return "", nil, err
		}
		line = append(line, "-L", f)
	}
	return a.login, line, nil
}

// tunnelGroup is one ssh process with the tunnels of an application.
type tunnelGroup struct {
	socket  string   // of its control connection; beside it, with .json, is what follows
	Login   string   `json:"login"`
	Tunnels []tunnel `json:"tunnels"`
}

func (g tunnelGroup) file() string { return g.socket + ".json" }

// tunnelsOf returns all tunnels of groups.
func tunnelsOf(groups []tunnelGroup) []tunnel {
	var all []tunnel
	for _, g := range groups {
		all = append(all, g.Tunnels...)
	}
	return all
}

// startTunnels starts an ssh process in the background and notes what it does.
func (c *program) startTunnels(ctx context.Context, s selection) (tunnelGroup, error) {
	var g tunnelGroup
	tunnels, err := c.prepared(ctx, s, "", 0)
	if err != nil {
		return g, err
	}
	login, line, err := c.forwards(ctx, s, tunnels)
	if err != nil {
		return g, err
	}
	socket, err := c.tunnelSocket(s)
	if err != nil {
		return g, err
	}
	user, _, _ := strings.Cut(login, "@")
	for i := range tunnels { // --app may have been left out
		_, tunnels[i].App, _ = strings.Cut(user, "--")
	}
	g = tunnelGroup{socket: socket, Login: login, Tunnels: tunnels}
	data, err := json.Marshal(g)
	if err != nil {
		return g, err
	}
	_ = os.Remove(socket) // of a process that is gone
	if err := writePrivate(g.file(), data); err != nil {
		return g, fmt.Errorf("note the tunnels: %w", err)
	}
	// ssh goes to the background when all ports are open, and must not hold our streams then.
	err = c.openssh(ctx, "ssh", append(line, "-n", "-f", "-M", "-S", socket, login)...)
	if err != nil {
		_ = os.Remove(g.file()) // there is nothing to note
	}
	return g, err
}

// tunnelSocket is where the ssh process of an application's tunnels is asked. Its name is
// short: the path of a socket may have some 100 bytes.
func (c *program) tunnelSocket(s selection) (string, error) {
	dir, err := c.sshDirectory()
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256([]byte(strings.Join([]string{s.Server(), s.project, s.env, c.app}, "\x00")))
	return filepath.Join(dir, "t-"+hex.EncodeToString(sum[:4])), nil
}

// openTunnels returns what is open: of one application, or everything when s is empty.
func (c *program) openTunnels(ctx context.Context, s selection) ([]tunnelGroup, error) {
	dir, err := c.sshDirectory()
	if err != nil {
		return nil, err
	}
	pattern := filepath.Join(dir, "t-*")
	if s.Client != nil {
		if pattern, err = c.tunnelSocket(s); err != nil {
			return nil, err
		}
	}
	files, err := filepath.Glob(pattern + ".json")
	if err != nil {
		return nil, err
	}
	var open []tunnelGroup
	for _, file := range files {
		g := tunnelGroup{socket: strings.TrimSuffix(file, ".json")}
		data, err := readFile(file, maxConfig)
		if err == nil {
			err = json.Unmarshal(data, &g)
		}
		if err != nil || c.control(ctx, g, "check") != nil {
			_ = os.Remove(file) // its process is gone
			continue
		}
		open = append(open, g)
	}
	return open, nil
}

// control asks the ssh process of a group for something.
func (c *program) control(ctx context.Context, g tunnelGroup, what string) error {
	cmd := exec.CommandContext(ctx, "ssh", "-F", "none", "-S", g.socket, "-O", what, g.Login) //nolint:gosec // no shell
	cmd.Env = c.environ
	out, err := cmd.CombinedOutput()
	if err != nil {
		return fmt.Errorf("ssh -O %s: %w: %s", what, err, bytes.TrimSpace(out))
	}
	return nil
}
