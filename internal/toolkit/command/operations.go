package command

import (
	"bufio"
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"sluice/internal/toolkit/backup"
	"sluice/internal/toolkit/cron"
	"sluice/internal/toolkit/shell"
)

// operationCommands work on a deployed environment.
func operationCommands(p Process) []*cobra.Command {
	return []*cobra.Command{
		newOperation(p, "cron:disable", "Disables cron and ends its processes", func(ctx context.Context, s *session) error { return cron.Disable(ctx, s.Kit) }),
		newOperation(p, "cron:enable", "Enables cron", func(ctx context.Context, s *session) error { return cron.Enable(ctx, s.Kit) }),
		newOperation(p, "cron:kill", "Ends the processes of cron and of queue consumers", func(_ context.Context, s *session) error {
			cron.Kill(s.Kit)
			return nil
		}),
		newUnlock(p),
		newBackupList(p),
		newRestore(p),
		newUpdateComposer(p),
		newDump(p),
		newSanitize(p),
	}
}

// newOperation returns a command without arguments whose messages are its output.
func newOperation(p Process, name, short string, do func(context.Context, *session) error) *cobra.Command {
	return &cobra.Command{
		Use: name, Short: short, Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error { return within(c.Context(), p, logged(c), do) },
	}
}

func newUnlock(p Process) *cobra.Command {
	var codes []string
	c := newOperation(p, "cron:unlock", "Unlocks cron jobs that were left running", func(ctx context.Context, s *session) error {
		return cron.UnlockCommand(ctx, s.Kit, codes...)
	})
	c.Flags().StringArrayVar(&codes, "job-code", nil, "Only jobs with this code; can be repeated")
	return c
}

func newBackupList(p Process) *cobra.Command {
	return &cobra.Command{
		Use: "backup:list", Short: "Lists the files that have a backup", Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			return within(c.Context(), p, options{quiet: true}, func(_ context.Context, s *session) error {
				return backup.List(s.Kit, c.OutOrStdout())
			})
		},
	}
}

func newRestore(p Process) *cobra.Command {
	force, file := false, ""
	c := &cobra.Command{
		Use: "backup:restore", Short: "Restores files from their backup", Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			if force && !confirmed(c, backup.Question) {
				return nil
			}
			return within(c.Context(), p, options{quiet: true}, func(_ context.Context, s *session) error {
				return backup.Restore(s.Kit, c.OutOrStdout(), file, force)
			})
		},
	}
	c.Flags().BoolVarP(&force, "force", "f", false, "Overwrite files that exist")
	c.Flags().StringVar(&file, "file", "", "Only this file; backup:list names them")
	c.Flags().Lookup("file").NoOptDefVal = " " // --file alone is all of them, as in the original
	c.PreRun = func(*cobra.Command, []string) { file = strings.TrimSpace(file) }
	return c
}

// confirmed asks a question; the answer is no without one, and with --no-interaction.
func confirmed(c *cobra.Command, question string) bool {
	if flag(c, "no-interaction") {
		return false
	}
	_, _ = fmt.Fprint(c.OutOrStdout(), question) // without an answer it is no
	line, _ := bufio.NewReader(c.InOrStdin()).ReadString('\n')
	_, _ = fmt.Fprintln(c.OutOrStdout())
	return slices.Contains([]string{"y", "yes"}, strings.ToLower(strings.TrimSpace(line)))
}

// original is the project's own ece-tools.
const original = "vendor/magento/ece-tools/bin/ece-tools"

// newUpdateComposer hands over to the project's own ece-tools: the command makes a
// composer.json for developing Magento itself from Git, which belongs to no deployment.
func newUpdateComposer(p Process) *cobra.Command {
	return newOperation(p, "dev:git:update-composer", "Updates composer.json for an installation from Git, by the project's own ece-tools", func(ctx context.Context, s *session) error {
		if !s.Tree.Exists(original) {
			return fmt.Errorf("%s is missing: dev:git:update-composer is done by the project's own ece-tools; install it with `composer require magento/ece-tools`", original)
		}
		_, err := s.Shell.Run(ctx, shell.Command{Args: []string{"php", "./" + original, "dev:git:update-composer", "--no-interaction"}, Output: p.Stdout, Quiet: true})
		return shellStatus(err)
	})
}
