package cli

import (
	"context"
	"maps"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"sluice/apiv1"
)

func (c *program) environmentSSH() *cobra.Command {
	var (
		tty, pipe, all bool
		worker         string
	)
	cmd := &cobra.Command{
		Use:     "environment:ssh [-- COMMAND...]",
		Aliases: []string{"ssh"},
		Short:   "Run a command, or a shell, in an application's container",
		Long: "Runs a command in a running web container of an application and exits with its status. One argument is a line for the shell, " +
			"as with ssh; several are the command and its arguments, exactly. Without arguments it is an interactive shell.",
		Example: "  sluice ssh\n  sluice ssh 'cd var/log && ls -l'\n  sluice ssh -- php -v",
		RunE: func(cmd *cobra.Command, args []string) error {
			s, err := c.selectEnvironment(cmd.Context())
			if err != nil {
				return err
			}
			if pipe || all {
				return c.printSSH(cmd.Context(), s, worker, all)
			}
			if worker != "" {
				a, err := c.sshAccess(cmd.Context(), s, worker)
				if err != nil {
					return err
				}
				return c.openssh(cmd.Context(), "ssh", append(append(a.options, a.login), args...)...)
			}
			code, err := c.exec(cmd.Context(), s, apiv1.ExecCommand{App: c.app, Argv: args, TTY: tty})
			if err == nil && code != 0 {
				err = statusError(code)
			}
			return err
		},
	}
	cmd.Flags().BoolVarP(&tty, "tty", "t", false, "allocate a terminal for the command, as for a shell")
	f := cmd.Flags()
	f.BoolVar(&pipe, "pipe", false, "print the SSH address instead")
	f.BoolVar(&all, "all", false, "print all SSH addresses of the environment")
	f.StringVar(&worker, "worker", "", "a worker of the application, through the SSH gateway")
	return cmd
}

// printSSH prints addresses for ssh: USER@HOST.
func (c *program) printSSH(ctx context.Context, s selection, worker string, all bool) error {
	if !all {
		link, err := c.sshLink(ctx, s, worker)
		if err != nil {
			return err
		}
		return printIDs(c, []string{link}, withoutScheme)
	}
	env, err := s.Environment(ctx, s.project, s.env)
	if err != nil {
		return err
	}
	return printIDs(c, slices.Sorted(maps.Values(sshLinks(env))), withoutScheme)
}

func withoutScheme(link string) string { return printable(strings.TrimPrefix(link, "ssh://")) }

// exec runs a command with the program's own streams. A shell, or a command with -t, gets
// the user's terminal.
func (c *program) exec(ctx context.Context, s selection, cmd apiv1.ExecCommand) (int, error) {
	return c.onTerminal(ctx, cmd.TTY || len(cmd.Argv) == 0,
		func(ctx context.Context, tty bool, size *apiv1.Size, streams apiv1.ExecStreams) (int, error) {
			cmd.TTY, cmd.Size = tty, size
			return s.Exec(ctx, s.project, s.env, cmd, streams)
		})
}

// onTerminal runs something with the program's own streams: when that is wanted and there is
// one, with the user's terminal, raw, so that every key reaches the other end.
func (c *program) onTerminal(
	ctx context.Context, wanted bool, run func(ctx context.Context, tty bool, size *apiv1.Size, streams apiv1.ExecStreams) (int, error),
) (int, error) {
	streams := apiv1.ExecStreams{Stdin: c.in, Stdout: c.out, Stderr: c.err}
	in, ok := c.in.(*os.File)
	if !wanted || !ok || !isTerminal(c.in) || !isTerminal(c.out) {
		return run(ctx, false, nil, streams)
	}
	fd := int(in.Fd())
	before, err := term.MakeRaw(fd)
	if err != nil {
		return 0, fail(ExitFailure, "", "could not set up the terminal: %v", err)
	}
	defer term.Restore(fd, before) //nolint:errcheck // nothing better to do
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	streams.Resizes = resizes(ctx, fd)
	return run(ctx, true, terminalSize(fd), streams)
}

func terminalSize(fd int) *apiv1.Size {
	columns, rows, err := term.GetSize(fd)
	if err != nil {
		return nil
	}
	return &apiv1.Size{Columns: uint16(columns), Rows: uint16(rows)} //nolint:gosec // a terminal's size is small
}
