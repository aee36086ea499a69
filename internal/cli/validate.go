package cli

import (
	"os"

	"github.com/spf13/cobra"

	"sluice/internal/catalog"
	"sluice/internal/manifest"
)

func (c *program) validate() *cobra.Command {
	var (
		format  string
		lenient bool
	)
	cmd := &cobra.Command{
		Use:     "validate [DIR]",
		Aliases: []string{"app:config-validate"},
		Short:   "Check a project's configuration files, as a push does; needs no server",
		Args:    positional(cobra.MaximumNArgs(1)),
		RunE: func(_ *cobra.Command, args []string) error {
			dir := "."
			if len(args) == 1 {
				dir = args[0]
			}
			diagnostics, err := check(dir, lenient)
			if err != nil {
				return err
			}
			return c.printDiagnostics(format, diagnostics)
		},
	}
	cmd.Flags().StringVar(&format, "format", "text", "text, json or sarif")
	cmd.Flags().BoolVar(&lenient, "allow-unknown-versions", false, "versions that this program does not know are warnings")
	return cmd
}

// check reads nothing outside dir, whatever links it has.
func check(dir string, lenient bool) (manifest.Diagnostics, error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, usageError("name the top directory of a project", "%s is not readable: %v", dir, err)
	}
	defer func() { _ = root.Close() }()
	_, diagnostics := manifest.Parse(root.FS(), manifest.Options{Catalog: catalog.Default(), AllowUnknownVersions: lenient})
	return diagnostics, nil
}

func (c *program) printDiagnostics(format string, diagnostics manifest.Diagnostics) error {
	if err := writeDiagnostics(c.out, format, diagnostics); err != nil {
		return err
	}
	if diagnostics.HasErrors() {
		return statusError(ExitFailure)
	}
	if len(diagnostics) == 0 {
		c.note("The configuration is valid.")
	}
	return nil
}
