package command

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"sluice/internal/toolkit/tree"
)

func newList(p Process) *cobra.Command {
	return &cobra.Command{
		Use:   "list",
		Short: "Lists commands",
		Args:  cobra.NoArgs,
		RunE:  func(c *cobra.Command, _ []string) error { return list(c.OutOrStdout(), p, c.Root()) },
	}
}

func newVersion(p Process) *cobra.Command {
	return &cobra.Command{
		Use:    "version",
		Short:  "Prints the version",
		Args:   cobra.NoArgs,
		Hidden: true,
		RunE: func(c *cobra.Command, _ []string) error {
			_, err := fmt.Fprintln(c.OutOrStdout(), title(p))
			return err
		},
	}
}

// title is the name and version of the project and of this program. The original shows
// only the project's.
func title(p Process) string {
	program := "sluice-toolkit " + cmp.Or(p.Version, "devel") + " (ece-tools " + Release + ")"
	t, err := tree.Open(p.root())
	if err != nil {
		return program
	}
	name, version, err := t.RootPackage()
	if err != nil || name == "" || t.Close() != nil {
		return program
	}
	return strings.TrimSpace(name+" "+version) + " by " + program
}

// list prints the commands in their groups, as the original does.
func list(w io.Writer, p Process, root *cobra.Command) error {
	var b strings.Builder
	if show, err := root.Flags().GetBool("version"); err == nil && show {
		_, err := fmt.Fprintln(w, title(p))
		return err
	}
	fmt.Fprintf(&b, "%s\n\nUsage:\n  command [options] [arguments]\n\nOptions:\n", title(p))
	root.PersistentFlags().VisitAll(func(f *pflag.Flag) {
		short := "    "
		if f.Shorthand != "" {
			short = "-" + f.Shorthand + ", "
		}
		fmt.Fprintf(&b, "  %s--%-20s%s\n", short, f.Name, f.Usage)
	})
	b.WriteString("\nAvailable commands:\n")
	group := ""
	for _, c := range sorted(root) {
		if g := groupOf(c); g != group {
			group = g
			fmt.Fprintf(&b, " %s\n", g)
		}
		fmt.Fprintf(&b, "  %-29s%s%s\n", c.Name(), aliases(c), c.Short)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// sorted returns the visible commands: those without a group first, then by name.
func sorted(root *cobra.Command) []*cobra.Command {
	var out []*cobra.Command
	for _, c := range root.Commands() {
		if !c.Hidden {
			out = append(out, c)
		}
	}
	slices.SortFunc(out, func(a, b *cobra.Command) int {
		return cmp.Or(cmp.Compare(groupOf(a), groupOf(b)), cmp.Compare(a.Name(), b.Name()))
	})
	return out
}

func groupOf(c *cobra.Command) string {
	group, _, ok := strings.Cut(c.Name(), ":")
	if !ok {
		return ""
	}
	return group
}

func aliases(c *cobra.Command) string {
	if len(c.Aliases) == 0 {
		return ""
	}
	return "[" + strings.Join(c.Aliases, "|") + "] "
}
