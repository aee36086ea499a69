package cli

import (
	"os"
	"path/filepath"
	"time"

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
		Use:     "validate [DIR | FILE]",
		Aliases: []string{"app:config-validate"},
		Short:   "Check a project's configuration files, as a push does; needs no server",
		Long: "Checks the configuration files of a project (DIR, the current directory when absent) as a push does. One FILE is checked " +
			"alone: what refers to other files is not compared with them.\n\nThe exit status is 0 without errors and 1 with them.",
		Args: positional(cobra.MaximumNArgs(1)),
		RunE: func(_ *cobra.Command, args []string) error {
			dir := "."
			if len(args) == 1 {
				dir = args[0]
			}
			_, diagnostics, err := check(dir, lenient)
			if err != nil {
				return err
			}
			return c.printDiagnostics(format, diagnostics)
		},
	}
	cmd.Flags().StringVar(&format, "format", "text", "text, json or sarif")
	cmd.Flags().BoolVar(&lenient, "allow-unknown-versions", false, "types and versions that are not in this program's catalog are warnings; a push to an installation that lacks them is refused")
	return cmd
}

// check reads nothing outside the project, whatever links it has.
func check(name string, lenient bool) (*manifest.Manifest, manifest.Diagnostics, error) {
	dir, only := name, ""
	if info, err := os.Stat(name); err == nil && !info.IsDir() {
		dir, only = splitProject(name)
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, nil, usageError("name the top directory of a project, or one of its configuration files", "cannot read %s: %v", name, err)
	}
	defer func() { _ = root.Close() }()
	m, diagnostics := manifest.Parse(root.FS(), manifest.Options{
		Catalog: catalog.Default(), AllowUnknownVersions: lenient, Only: only, Now: time.Now(),
	})
	return m, diagnostics, nil
}

// splitProject cuts the path of a configuration file into its project and its name there.
func splitProject(file string) (dir, name string) {
	dir, name = filepath.Split(file)
	dir = filepath.Clean(dir)
	if base := filepath.Base(dir); base == ".magento" || base == ".platform" {
		return filepath.Dir(dir), base + "/" + name
	}
	return dir, name
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
