package cli

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"sluice/apiv1"
)

func (c *program) authLogin() *cobra.Command {
	return &cobra.Command{
		Use:     "auth:login",
		Aliases: []string{"login", "auth:api-token-login"},
		Short:   "Log in to a server with an access token",
		Long: "Checks a token and keeps it, with the server's address, in a file that only you can read " +
			"($XDG_CONFIG_HOME/sluice/config.json). The token is asked for on a terminal, else read from standard input or --token-file.",
		Example: "  sluice auth:login --server https://sluice.example.com:7070",
		Args:    positional(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return c.login(cmd.Context())
		},
	}
}

func (c *program) login(ctx context.Context) error {
	cfg, err := c.readConfig()
	if err != nil {
		return err
	}
	server := strings.TrimRight(firstOf(c.server, c.env["SLUICE_URL"], cfg.Server), "/")
	if server == "" {
		return usageError("name it with --server https://HOST:PORT", "no server is configured")
	}
	token, err := c.askToken(server)
	if err != nil {
		return err
	}
	client, err := newClient(credentials{server: server, token: token, insecure: c.allowsPlain()})
	if err != nil {
		return err
	}
	user, err := client.Me(ctx)
	if err != nil {
		return err
	}
	if server != strings.TrimRight(cfg.Server, "/") {
		cfg.GitHosts = nil
	}
	cfg.Server, cfg.Token, cfg.Insecure = server, token, c.allowsPlain()
	if err := c.writeConfig(cfg); err != nil {
		return err
	}
	c.note("Logged in to %s as %s.", server, printable(firstOf(user.DisplayName, user.ID)))
	return nil
}

// askToken takes the token from where no process list shows it.
func (c *program) askToken(server string) (string, error) {
	if c.tokenFile != "" && c.tokenFile != "-" {
		return readToken(c.tokenFile)
	}
	token, err := c.askSecret("API token for " + server + ": ")
	if err == nil && token == "" {
		return "", usageError("pipe it in, or use --token-file FILE", "no token on standard input")
	}
	return token, err
}

// askSecret reads a line from standard input. A terminal shows the question and hides the reply.
func (c *program) askSecret(question string) (string, error) {
	f, ok := c.in.(*os.File)
	if !ok || !isTerminal(c.in) {
		line, err := readLine(c.in)
		return strings.TrimSpace(line), err
	}
	_, _ = fmt.Fprint(c.err, question)
	secret, err := term.ReadPassword(int(f.Fd()))
	_, _ = fmt.Fprintln(c.err)
	if err != nil {
		return "", fmt.Errorf("read reply: %w", err)
	}
	return strings.TrimSpace(string(secret)), nil
}

func (c *program) authLogout() *cobra.Command {
	return &cobra.Command{
		Use:     "auth:logout",
		Aliases: []string{"logout"},
		Short:   "Forget the token of the last login",
		Long:    "Removes the token from the configuration file. It goes on being valid: `sluice token:revoke` ends it.",
		Args:    positional(cobra.NoArgs),
		RunE: func(*cobra.Command, []string) error {
			cfg, err := c.readConfig()
			if err != nil {
				return err
			}
			if cfg.Token == "" {
				c.note("You are not logged in.")
				return nil
			}
			cfg.Token, cfg.GitHosts = "", nil
			if err := c.writeConfig(cfg); err != nil {
				return err
			}
			c.note("Logged out of %s.", cfg.Server)
			return nil
		},
	}
}

func (c *program) authInfo() *cobra.Command {
	var opts infoOptions
	cmd := &cobra.Command{
		Use:   "auth:info",
		Short: "Show who is logged in, and where",
		Args:  positional(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			client, err := c.client()
			if err != nil {
				return err
			}
			user, err := client.Me(cmd.Context())
			if err != nil {
				return err
			}
			return printInfo(c, opts, user, []property{
				{"id", user.ID}, {"username", user.Username}, {"email", user.Email}, {"display_name", user.DisplayName}, {"scopes", strings.Join(user.Scopes, " ")}, {"server", client.Server()},
			})
		},
	}
	opts.addFlags(cmd)
	return cmd
}

func (c *program) authGitCredential() *cobra.Command {
	return &cobra.Command{
		Use:    "auth:git-credential get|store|erase",
		Short:  "Give credentials to git (see gitcredentials(7))",
		Hidden: true,
		Args:   positional(cobra.ExactArgs(1)),
		RunE: func(_ *cobra.Command, args []string) error {
			if args[0] != "get" {
				return nil // nothing to remember or forget
			}
			return c.gitCredential()
		},
	}
}

// gitCredential gives the token to git for our server's repositories only. For anything
// else it says nothing, and git asks elsewhere.
func (c *program) gitCredential() error {
	asked := map[string]string{}
	lines := bufio.NewScanner(io.LimitReader(c.in, 64<<10))
	for lines.Scan() && lines.Text() != "" {
		key, value, _ := strings.Cut(lines.Text(), "=")
		asked[key] = value
	}
	if err := lines.Err(); err != nil {
		return fmt.Errorf("read git's request: %w", err)
	}
	cred, err := c.credentials()
	if err != nil {
		return err
	}
	hosts := append([]string{hostOf(cred.server), c.env[gitHostVariable]}, cred.gitHosts...)
	if asked["host"] == "" || cred.token == "" || !slices.Contains(hosts, asked["protocol"]+"://"+asked["host"]) {
		return nil
	}
	if asked["protocol"] == "http" && !cred.insecure && !apiv1.IsLocal(asked["host"]) {
		return fail(ExitLogin, "let the server use https, or set SLUICE_INSECURE=1 where you trust the network",
			"%s is on another machine and has no TLS; the token was not sent", asked["host"])
	}
	return writeText(c.out, "username="+gitUser+"\npassword="+cred.token+"\n")
}

const (
	// gitUser is the user name that goes with a token; the server looks at the token only.
	gitUser = "sluice"
	// gitHostVariable tells the credential helper of a push started here where it goes.
	gitHostVariable = "SLUICE_GIT_HOST"
)

// trustGitHost remembers that repositories of the logged-in server are at a host.
func (c *program) trustGitHost(host string) error {
	cfg, err := c.readConfig()
	if err != nil {
		return err
	}
	cred, err := c.credentials()
	if err != nil {
		return err
	}
	if strings.TrimRight(cfg.Server, "/") != cred.server || host == hostOf(cred.server) || slices.Contains(cfg.GitHosts, host) {
		return nil
	}
	cfg.GitHosts = append(cfg.GitHosts, host)
	return c.writeConfig(cfg)
}
