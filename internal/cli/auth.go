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
		Aliases: []string{"login"},
		Short:   "Log in to a server, with a browser or an API token",
		Long: "On a terminal of a machine with a browser it is auth:browser-login, else auth:api-token-login: the token is read from standard " +
			"input or --token-file.",
		Example: "  sluice auth:login --server https://sluice.example.com:7070",
		Args:    positional(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if c.tokenFile == "" && isTerminal(c.in) && len(c.browserCommand()) > 0 {
				return c.browserLogin(cmd.Context(), false)
			}
			return c.tokenLogin(cmd.Context())
		},
	}
}

func (c *program) authTokenLogin() *cobra.Command {
	return &cobra.Command{
		Use:   "auth:api-token-login",
		Short: "Log in to a server with an API token",
		Long: "Checks a token and keeps it, with the server's address, in a file that only you can read " +
			"($XDG_CONFIG_HOME/sluice/config.json). The token is asked for on a terminal, else read from standard input or --token-file.",
		Example: "  sluice auth:api-token-login --server https://sluice.example.com:7070",
		Args:    positional(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return c.tokenLogin(cmd.Context())
		},
	}
}

// loginServer returns the configuration, with the server to log in to.
func (c *program) loginServer() (config, string, error) {
	cfg, err := c.readConfig()
	if err != nil {
		return cfg, "", err
	}
	server := strings.TrimRight(firstOf(c.server, c.env["SLUICE_URL"], cfg.Server), "/")
	if server == "" {
		return cfg, "", usageError("name it with --server https://HOST:PORT", "no server is configured")
	}
	if server != strings.TrimRight(cfg.Server, "/") {
		cfg.GitHosts = nil
	}
	cfg.Server, cfg.Insecure = server, c.allowsPlain()
	return cfg, server, nil
}

func (c *program) tokenLogin(ctx context.Context) error {
	cfg, server, err := c.loginServer()
	if err != nil {
		return err
	}
	token, err := c.askToken(server)
	if err != nil {
		return err
	}
	client, err := c.newClient(credentials{server: server, token: token, insecure: c.allowsPlain()})
	if err != nil {
		return err
	}
	cfg.Token, cfg.Session = token, nil
	return c.loggedIn(ctx, cfg, client)
}

// loggedIn keeps a log-in that the server knows.
func (c *program) loggedIn(ctx context.Context, cfg config, client *apiv1.Client) error {
	user, err := client.Me(ctx)
	if err != nil {
		return err
	}
	if err := c.writeConfig(cfg); err != nil {
		return err
	}
	c.note("Logged in to %s as %s.", cfg.Server, printable(firstOf(user.DisplayName, user.ID)))
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
		Short:   "Log out of the server of the last login",
		Long: "Ends a log-in with a browser, at the server too. Of a log-in with an API token it removes the token from the configuration file; " +
			"that goes on being valid: `sluice token:revoke` ends it.",
		Args: positional(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg, err := c.readConfig()
			if err != nil {
				return err
			}
			if cfg.Token == "" {
				c.note("You are not logged in.")
				return nil
			}
			c.endSession(cmd.Context(), cfg)
			cfg.Token, cfg.GitHosts, cfg.Session = "", nil, nil
			if err := c.writeConfig(cfg); err != nil {
				return err
			}
			c.note("Logged out of %s.", cfg.Server)
			return nil
		},
	}
}

// endSession ends a log-in with a browser at the server. Where that fails, the tokens are
// forgotten here all the same.
func (c *program) endSession(ctx context.Context, cfg config) {
	if cfg.Session == nil {
		return
	}
	client, err := c.newClient(credentials{server: cfg.Server, token: cfg.Session.Refresh, insecure: cfg.Insecure || c.allowsPlain()})
	if err == nil {
		err = client.RevokeLogIn(ctx, oauthClient, cfg.Session.Refresh)
	}
	if err != nil {
		c.note("Could not tell the server, where the log-in goes on for up to 30 days: %v", err)
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
		RunE: func(cmd *cobra.Command, args []string) error {
			if args[0] != "get" {
				return nil // nothing to remember or forget
			}
			return c.gitCredential(cmd.Context())
		},
	}
}

// gitCredential gives the token to git for our server's repositories only. For anything
// else it says nothing, and git asks elsewhere.
func (c *program) gitCredential(ctx context.Context) error {
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
	if cred.session {
		if cred.token, err = c.freshToken(ctx); err != nil {
			return err
		}
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
