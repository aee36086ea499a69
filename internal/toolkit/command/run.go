package command

import (
	"context"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"sluice/internal/toolkit/fault"
)

// Process is what the program is given by its caller.
type Process struct {
	Args           []string // without the program's name
	Env            []string
	Dir            string // the working directory
	Stdin          io.Reader
	Stdout, Stderr io.Writer
}

// Run runs one command and returns the exit status (spec: ece-tools 1.9).
func Run(ctx context.Context, p Process) int {
	root := newRoot(p)
	root.SetArgs(p.Args)
	root.SetIn(p.Stdin)
	root.SetOut(p.Stdout)
	root.SetErr(p.Stderr)
	err := root.ExecuteContext(ctx)
	if err != nil {
		_, _ = fmt.Fprintln(p.Stderr, err) // nowhere else to tell
	}
	return fault.ExitStatus(err)
}

func newRoot(Process) *cobra.Command {
	root := &cobra.Command{
		Use:           "ece-tools",
		Short:         "Build, deploy and post-deploy of Magento and Adobe Commerce",
		SilenceErrors: true,
		SilenceUsage:  true,
	}
	root.CompletionOptions.HiddenDefaultCmd = true
	root.AddCommand(newList())
	return root
}
