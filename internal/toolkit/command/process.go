package command

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"sluice/internal/toolkit/fault"
	"sluice/internal/toolkit/kit"
)

// Process is what the program is given by its caller.
type Process struct {
	Args           []string // without the program's name
	Env            []string
	Dir            string // the working directory
	Stdin          io.Reader
	Stdout, Stderr io.Writer
	// Terminal says that Stdout is one: colours are printed, progress lines are not.
	Terminal bool
	Version  string // of this program
	// Databases are asked instead of those that the environment configures, when set.
	Databases kit.Databases
	Program   string // its path
}

// Release is the release of the original whose behaviour this program has, with what is
// known of later ones.
const Release = "2002.1.17"

// Run runs one command and returns the exit status.
func Run(ctx context.Context, p Process) int {
	root := newRoot(p) //nolint:contextcheck // cobra hands the context to the commands
	root.SetArgs(p.Args)
	root.SetIn(p.Stdin)
	root.SetOut(p.Stdout)
	root.SetErr(p.Stderr)
	err := root.ExecuteContext(ctx)
	if err != nil && !isSilent(err) {
		_, _ = fmt.Fprintln(p.Stderr, err) // nowhere else to tell
	}
	return exitStatus(err)
}

// exit is the end of a command that has said everything.
type exit int

// Error is for the case that somebody prints it all the same.
func (e exit) Error() string { return fmt.Sprintf("exit status %d", int(e)) }

func isSilent(err error) bool {
	_, ok := err.(exit) //nolint:errorlint // never wrapped
	return ok
}

func exitStatus(err error) int {
	if e, ok := err.(exit); ok { //nolint:errorlint // never wrapped
		return int(e)
	}
	if e, ok := errors.AsType[*statusError](err); ok {
		return min(e.status, 255)
	}
	return fault.ExitStatus(err)
}

// env returns a variable of the process.
func (p Process) env(name string) (string, bool) {
	for _, pair := range slices.Backward(p.Env) { // the last one counts, as for exec
		if v, ok := strings.CutPrefix(pair, name+"="); ok {
			return v, true
		}
	}
	return "", false
}

// root returns the application's root: MAGENTO_ROOT, else the nearest directory from the
// working directory upwards that has an application's file, else the working directory.
func (p Process) root() string {
	if dir, ok := p.env("MAGENTO_ROOT"); ok && dir != "" {
		return dir
	}
	for dir := p.Dir; ; dir = filepath.Dir(dir) {
		for _, name := range []string{".magento.app.yaml", "bin/magento", "composer.lock"} {
			if info, err := os.Stat(filepath.Join(dir, name)); err == nil && info.Mode().Type() == fs.FileMode(0) {
				return dir
			}
		}
		if dir == filepath.Dir(dir) {
			return p.Dir
		}
	}
}

func newRoot(p Process) *cobra.Command {
	root := &cobra.Command{
		Use:           "ece-tools",
		Short:         "Builds and deploys Magento and Adobe Commerce",
		SilenceErrors: true,
		SilenceUsage:  true,
		Args:          unknownCommand,
		RunE:          func(c *cobra.Command, _ []string) error { return list(c.OutOrStdout(), p, c.Root()) },
	}
	root.CompletionOptions.HiddenDefaultCmd = true
	addStandardOptions(root)
	root.AddCommand(newList(p), newVersion(p), sftpCommand(p))
	root.AddCommand(scenarioCommands(p)...)
	root.AddCommand(wizardCommands(p)...)
	root.AddCommand(errorCommands(p)...)
	root.AddCommand(configCommands(p)...)
	root.AddCommand(buildCommands(p)...)
	root.AddCommand(operationCommands(p)...)
	return root
}

// addStandardOptions adds the options that every command of the original has.
func addStandardOptions(root *cobra.Command) {
	flags := root.PersistentFlags()
	flags.BoolP("quiet", "q", false, "Suppress messages")
	flags.Bool("ansi", false, "Print colours")
	flags.Bool("no-ansi", false, "Disable colours")
	flags.BoolP("no-interaction", "n", false, "Ask no questions")
	flags.CountP("verbose", "v", "Show messages of level debug (-v, -vv or -vvv)")
	flags.BoolP("help", "h", false, "Print help")
	root.Flags().BoolP("version", "V", false, "Print the version")
}

func unknownCommand(c *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	text := fmt.Sprintf("Command %q is not defined.", args[0])
	c.SuggestionsMinimumDistance = 3
	if similar := c.SuggestionsFor(args[0]); len(similar) > 0 {
		text += "\nDid you mean one of these?\n    " + strings.Join(similar, "\n    ")
	}
	return fmt.Errorf("%s\n`ece-tools list` shows every command", text)
}
