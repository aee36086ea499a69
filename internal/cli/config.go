package cli

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"sluice/apiv1"
)

// config is the configuration file. It holds a secret: only its owner may read it.
type config struct {
	Server string `json:"server"`
	Token  string `json:"token"`
	// Insecure says that the login was made over plain HTTP on purpose.
	Insecure bool `json:"insecure,omitempty"`
	// GitHosts are where, beside the server itself, git may be given the token: the
	// repositories of this server, as "https://host:port".
	GitHosts []string `json:"git_hosts,omitempty"`
	// Session is that of a log-in with a browser. Token is its access token then.
	Session *session `json:"session,omitempty"`
}

const (
	maxConfig = 1 << 20
	maxToken  = 4 << 10
)

// configPath returns $XDG_CONFIG_HOME/sluice/config.json.
func (c *program) configPath() (string, error) {
	dir := c.env["XDG_CONFIG_HOME"]
	if !filepath.IsAbs(dir) {
		home := c.home()
		if home == "" {
			return "", fail(ExitFailure, "set HOME", "neither XDG_CONFIG_HOME nor HOME is set")
		}
		dir = filepath.Join(home, ".config")
	}
	return filepath.Join(dir, "sluice", "config.json"), nil
}

// home returns the user's home directory, "" when the environment names none.
func (c *program) home() string { return firstOf(c.env["HOME"], c.env["USERPROFILE"]) }

// readConfig returns the configuration, an empty one when there is no file.
func (c *program) readConfig() (config, error) {
	path, err := c.configPath()
	if err != nil {
		return config{}, nil //nolint:nilerr // the environment may hold everything
	}
	data, err := readFile(path, maxConfig)
	if errors.Is(err, fs.ErrNotExist) {
		return config{}, nil
	}
	if err != nil {
		return config{}, fmt.Errorf("read configuration: %w", err)
	}
	var cfg config
	if err := json.Unmarshal(data, &cfg); err != nil {
		return config{}, fail(ExitFailure, "fix the file, or delete it and log in again", "cannot read the configuration %s: %v", path, err)
	}
	return cfg, nil
}

// writeConfig replaces the configuration at once, so that a crash leaves the old one.
func (c *program) writeConfig(cfg config) error {
	path, err := c.configPath()
	if err != nil {
		return err
	}
	data, err := json.MarshalIndent(cfg, "", "  ")
	if err != nil {
		return fmt.Errorf("write configuration: %w", err)
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return fmt.Errorf("write configuration: %w", err)
	}
	if err := writePrivate(path, append(data, '\n')); err != nil {
		return fmt.Errorf("write configuration: %w", err)
	}
	return nil
}

// writePrivate replaces a file that only its owner may read, and leaves the old one when the
// new one cannot be written whole.
func writePrivate(path string, data []byte) error {
	tmp, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".*") // 0600 from the start
	if err != nil {
		return err //nolint:wrapcheck // names the path
	}
	defer os.Remove(tmp.Name()) //nolint:errcheck // gone after the rename
	_, err = tmp.Write(data)
	if err = errors.Join(err, tmp.Sync(), tmp.Close()); err != nil {
		return err
	}
	return os.Rename(tmp.Name(), path) //nolint:wrapcheck // names the path
}

// readFile reads a whole file of at most limit bytes.
func readFile(path string, limit int64) ([]byte, error) {
	f, err := os.Open(path) //nolint:gosec // G304: the user names the file
	if err != nil {
		return nil, err //nolint:wrapcheck // names the path
	}
	defer func() { _ = f.Close() }()
	data, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err != nil {
		return nil, err //nolint:wrapcheck // names the path
	}
	if int64(len(data)) > limit {
		return nil, fmt.Errorf("%s has more than %d bytes", path, limit)
	}
	return data, nil
}

// credentials are a server and the token for it.
type credentials struct {
	server   string
	token    string
	gitHosts []string
	insecure bool // the token may go over plain HTTP
	session  bool // the token is that of a log-in with a browser, see freshToken
}

// credentials finds them: option, environment, last login. The token of the last login is
// sent to no other server than the one it is for.
func (c *program) credentials() (credentials, error) {
	cfg, err := c.readConfig()
	if err != nil {
		return credentials{}, err
	}
	cred := credentials{server: strings.TrimRight(firstOf(c.server, c.env["SLUICE_URL"], cfg.Server), "/")}
	if cred.server == "" {
		return cred, fail(ExitLogin, "log in with `sluice auth:login --server https://HOST:PORT`, or set SLUICE_URL", "no server is configured")
	}
	own := cred.server == strings.TrimRight(cfg.Server, "/")
	cred.insecure = c.allowsPlain()
	if own {
		cred.gitHosts, cred.insecure = cfg.GitHosts, cred.insecure || cfg.Insecure
	}
	switch {
	case c.tokenFile != "":
		cred.token, err = readToken(c.tokenFile)
	case c.env["SLUICE_TOKEN"] != "":
		cred.token = c.env["SLUICE_TOKEN"]
	case own:
		cred.token, cred.session = cfg.Token, cfg.Session != nil
	}
	return cred, err
}

func readToken(path string) (string, error) {
	data, err := readFile(path, maxToken)
	if err != nil {
		return "", fail(ExitFailure, "", "cannot read the token file: %v", err)
	}
	token := strings.TrimSpace(string(data))
	if token == "" || strings.ContainsAny(token, " \t\r\n") {
		return "", fail(ExitFailure, "it must hold one token on one line", "the token file %s has no token", path)
	}
	return token, nil
}

func firstOf(values ...string) string {
	for _, v := range values {
		if v != "" {
			return v
		}
	}
	return ""
}

// allowsPlain reports whether this run may send the token over plain HTTP.
func (c *program) allowsPlain() bool { return c.insecure || c.env["SLUICE_INSECURE"] == "1" }

// client returns a client for the server in use.
func (c *program) client() (*apiv1.Client, error) {
	cred, err := c.credentials()
	if err != nil {
		return nil, err
	}
	return c.newClient(cred)
}

func (c *program) newClient(cred credentials) (*apiv1.Client, error) {
	opts := apiv1.Options{UserAgent: "sluice/" + buildVersion(), Insecure: cred.insecure}
	if cred.session {
		opts.TokenSource = c.freshToken
	}
	client, err := apiv1.NewClient(cred.server, cred.token, opts)
	if errors.Is(err, apiv1.ErrInsecure) {
		return nil, fail(ExitLogin, "use https, or allow it with --insecure or SLUICE_INSECURE=1 where you trust the network", "%v", err)
	}
	if err != nil {
		return nil, usageError("write it as https://HOST or https://HOST:PORT", "%v", err)
	}
	return client, nil
}

// hostOf returns "scheme://host:port" of an address, or "".
func hostOf(address string) string {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" {
		return ""
	}
	return u.Scheme + "://" + u.Host
}
