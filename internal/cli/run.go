package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime/debug"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"sluice/internal/termtext"
)

// Run runs one command line, without the program's name, and returns the exit status. It
// uses environ ("NAME=value") instead of the process's environment. When ctx ends, Run ends
// soon; an activity that it waits for goes on.
func Run(ctx context.Context, args, environ []string, stdin io.Reader, stdout, stderr io.Writer) int {
	c := &program{environ: environ, env: map[string]string{}, in: stdin, out: stdout, err: stderr}
	for _, kv := range environ {
		if name, value, ok := strings.Cut(kv, "="); ok {
			c.env[name] = value
		}
	}
	err := c.run(ctx, args)
	if err == nil {
		return ExitOK
	}
	report(ctx, stderr, err)
	if ctx.Err() != nil {
		return ExitInterrupted
	}
	return exitStatus(err)
}

// program is one run: its streams, its environment and the options every command has.
type program struct {
	env     map[string]string
	environ []string
	in      io.Reader
	out     io.Writer
	err     io.Writer

	server      string
	tokenFile   string
	project     string
	environment string
	app         string
	yes         bool
	insecure    bool

	checkout string // directory that git is asked about; empty: the current one
	quiet    bool
}

func (c *program) run(ctx context.Context, args []string) error {
	root := c.root() //nolint:contextcheck // cobra hands ctx to the commands
	args, err := resolveCommand(root, args)
	if err != nil {
		return err
	}
	root.SetArgs(args)
	err = root.ExecuteContext(ctx)
	if err != nil && (strings.HasPrefix(err.Error(), "required flag(s)") || strings.HasPrefix(err.Error(), "if any flags in the group")) {
		// cobra has no types for them
		return usageError("sluice help", "%v", err)
	}
	return err
}

// root makes a new command tree: runs share nothing.
func (c *program) root() *cobra.Command {
	root := &cobra.Command{
		Use:           "sluice",
		Short:         "Push shops through build, deploy and post-deploy",
		Long:          "sluice works with projects, their environments and activities on a Sluice server.\n\n" + exitStatuses,
		SilenceErrors: true,
		SilenceUsage:  true,
		Args:          cobra.NoArgs,
		RunE:          func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	root.SetIn(c.in)
	root.SetOut(c.out)
	root.SetErr(c.err)
	root.CompletionOptions.HiddenDefaultCmd = false
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		return usageError("`sluice "+cmd.Name()+" --help` shows the options", "%v", err)
	})
	f := root.PersistentFlags()
	f.StringVarP(&c.project, "project", "p", "", "the project (default: of the git remote \"sluice\")")
	f.StringVarP(&c.environment, "environment", "e", "", "the environment, \".\" for the default branch's (default: the current branch)")
	f.StringVarP(&c.app, "app", "A", "", "the application, where there are several")
	f.StringVar(&c.server, "server", "", "address of the server (default: SLUICE_URL, or that of the last login)")
	f.StringVar(&c.tokenFile, "token-file", "", "file with the access token (default: SLUICE_TOKEN, or that of the last login)")
	f.BoolVar(&c.insecure, "insecure", false, "send the token over plain HTTP to another machine (also SLUICE_INSECURE=1)")
	f.BoolVarP(&c.yes, "yes", "y", false, "answer yes to all questions")
	f.BoolVarP(&c.quiet, "quiet", "q", false, "suppress progress output")
	c.addCommands(root)
	return root
}

func (c *program) addCommands(root *cobra.Command) {
	root.AddGroup(
		&cobra.Group{ID: "project", Title: "Projects:"},
		&cobra.Group{ID: "environment", Title: "Environments:"},
		&cobra.Group{ID: "data", Title: "Data:"},
		&cobra.Group{ID: "activity", Title: "Activities:"},
		&cobra.Group{ID: "variable", Title: "Variables:"},
		&cobra.Group{ID: "domain", Title: "Domains and certificates:"},
		&cobra.Group{ID: "integration", Title: "Integrations:"},
		&cobra.Group{ID: "user", Title: "Users:"},
		&cobra.Group{ID: "auth", Title: "Login and tokens:"},
	)
	add := func(group string, cmds ...*cobra.Command) {
		for _, cmd := range cmds {
			cmd.GroupID = group
			root.AddCommand(cmd)
		}
	}
	add("project", c.projectCreate(), c.projectList(), c.projectInfo(), c.projectDelete(), c.projectSetRemote(), c.audit())
	add("environment", c.environmentList(), c.environmentInfo(), c.environmentPush(), c.environmentURL(),
		c.environmentRelationships(), c.environmentLogs(), c.environmentSSH(), c.environmentSCP(), c.environmentHTTPAccess(), c.environmentBypass(), c.cachePurge(),
		c.environmentRedeploy(), c.environmentReleases(), c.environmentRollback(), c.environmentActivate(), c.environmentDeactivate(),
		c.environmentBranch(), c.environmentMerge(), c.environmentSynchronize(), c.environmentRehearse(), c.environmentPause(), c.environmentResume(), c.environmentDelete())
	add("environment", c.tunnelOpen(), c.tunnelSingle(), c.tunnelList(), c.tunnelInfo(), c.tunnelClose())
	add("data", c.dbDump(), c.dbSQL(), c.mountList(), c.mountDownload(), c.mountUpload(),
		c.backupCreate(), c.backupList(), c.backupGet(), c.backupRestore(), c.backupDelete(), c.backupVerify(), c.backupDownload())
	add("activity", c.activityList(), c.activityGet(), c.activityLog(), c.activityCancel())
	add("variable", c.variableList(), c.variableGet(), c.variableCreate(), c.variableUpdate(), c.variableDelete())
	add("domain", c.domainAdd(), c.domainList(), c.domainGet(), c.domainVerify(), c.domainUpdate(), c.domainDelete(),
		c.certificateAdd(), c.certificateList(), c.certificateGet(), c.certificateDelete())
	add("integration", c.integrationAdd(), c.integrationList(), c.integrationGet(), c.integrationUpdate(), c.integrationDelete(),
		c.integrationValidate(), c.integrationActivityList())
	add("user", c.userList(), c.userGet(), c.userAdd(), c.userUpdate(), c.userDelete(), c.userCreate())
	add("user", c.invitationList(), c.invitationResend(), c.invitationCancel())
	add("auth", c.authLogin(), c.authBrowserLogin(), c.authTokenLogin(), c.authLogout(), c.authInfo(), c.tokenCreate(), c.tokenList(), c.tokenRevoke(), c.authGitCredential())
	add("auth", c.sshKeyAdd(), c.sshKeyList(), c.sshKeyDelete())
	root.AddCommand(c.validate(), c.plan(), c.version())
}

// args wraps cobra's validators so that their errors are usage errors.
func positional(check cobra.PositionalArgs) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if err := check(cmd, args); err != nil {
			return usageError("usage: "+cmd.UseLine(), "%v", err)
		}
		return nil
	}
}

func (c *program) version() *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "Show the versions of this program and of the server",
		Args:  positional(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			_, _ = fmt.Fprintf(c.out, "sluice %s\n", buildVersion())
			client, err := c.client()
			if err != nil {
				return nil //nolint:nilerr // no server is configured, which is fine here
			}
			v, err := client.Version(cmd.Context())
			if err != nil {
				return err
			}
			_, _ = fmt.Fprintf(c.out, "server %s (API v%s) at %s\n", v.Version, v.API, client.Server())
			return nil
		},
	}
}

// buildVersion is what Go recorded about this binary.
func buildVersion() string {
	info, ok := debug.ReadBuildInfo()
	if !ok || info.Main.Version == "" {
		return "(devel)"
	}
	return info.Main.Version
}

// note writes a line for people to stderr.
func (c *program) note(format string, args ...any) {
	if !c.quiet {
		_, _ = fmt.Fprintf(c.err, format+"\n", args...)
	}
}

// addRawFlag adds the option for shown.
func addRawFlag(cmd *cobra.Command, raw *bool) {
	cmd.Flags().BoolVar(raw, "raw", false, "print control characters as they are, also on a terminal")
}

// shown returns standard output for text that hooks, applications or visitors wrote. On a
// terminal its control characters are shown rather than obeyed. Close it at the end.
func (c *program) shown(raw bool) io.WriteCloser {
	if raw || !isTerminal(c.out) {
		return keepOpen{c.out}
	}
	return termtext.NewWriter(c.out)
}

// keepOpen is a writer whose Close does nothing.
type keepOpen struct{ io.Writer }

// Close implements io.Closer.
func (keepOpen) Close() error { return nil }

// isTerminal reports whether a stream is a terminal.
func isTerminal(stream any) bool {
	f, ok := stream.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

// width returns how many columns a stream has; 0 means no limit.
func (c *program) width(stream any) int {
	if n, err := strconv.Atoi(c.env["COLUMNS"]); err == nil && n > 0 {
		return n
	}
	if f, ok := stream.(*os.File); ok {
		if n, _, err := term.GetSize(int(f.Fd())); err == nil {
			return n
		}
	}
	return 0
}

// confirm asks before something that cannot be undone. Without a terminal it
// refuses and names the option.
func (c *program) confirm(format string, args ...any) error {
	if c.yes {
		return nil
	}
	question := printable(fmt.Sprintf(format, args...))
	if !isTerminal(c.in) || !isTerminal(c.err) {
		return usageError("run it again with --yes to confirm", "%s Confirmation required, and there is no terminal to ask on", question)
	}
	_, _ = fmt.Fprintf(c.err, "%s Continue? [y/N] ", question)
	answer, err := readLine(c.in)
	if err != nil {
		return err
	}
	switch strings.ToLower(strings.TrimSpace(answer)) {
	case "y", "yes":
		return nil
	}
	return fail(ExitFailure, "", "aborted")
}

// readLine reads up to a newline, and no byte more.
func readLine(r io.Reader) (string, error) {
	var line []byte
	one := make([]byte, 1)
	for len(line) < 64<<10 {
		n, err := r.Read(one)
		if n == 1 && one[0] == '\n' {
			return string(line), nil
		}
		line = append(line, one[:n]...)
		if errors.Is(err, io.EOF) {
			return string(line), nil
		}
		if err != nil {
			return "", fmt.Errorf("read reply: %w", err)
		}
	}
	return "", errors.New("read reply: the line is too long")
}
