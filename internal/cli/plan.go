package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"time"

	"github.com/spf13/cobra"

	"sluice/apiv1"
	"sluice/internal/catalog"
	"sluice/internal/manifest"
	"sluice/internal/plan"
)

// planOptions are the options of plan.
type planOptions struct {
	format  string
	lenient bool
	options map[string]string
}

func (c *program) plan() *cobra.Command {
	var opts planOptions
	cmd := &cobra.Command{
		Use:   "plan [DIR]",
		Short: "Show what a push of a directory would do, without doing it",
		Long: "Shows what a push of DIR (the current directory when absent), with its uncommitted changes, would do: what is built and why, " +
			"what becomes of services, mounts and routes, which steps run and how long requests would be held.\n\n" +
			"In a checkout of a project, or with -e, it is compared with what the environment serves. Elsewhere no server is needed: it shows a first deployment.\n\n" +
			"The exit status is 0, or 1 when the push would be refused.",
		Args: positional(cobra.MaximumNArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			dir := "."
			if len(args) == 1 {
				dir = args[0]
			}
			p, err := c.makePlan(cmd.Context(), dir, opts)
			if err != nil {
				return err
			}
			if err := c.printPlan(p, opts.format); err != nil {
				return err
			}
			if p.Verdict == plan.Refused {
				return statusError(ExitFailure)
			}
			return nil
		},
	}
	cmd.Flags().StringVar(&opts.format, "format", "table", "table or json")
	cmd.Flags().BoolVar(&opts.lenient, "allow-unknown-versions", false, "without a server: types and versions that are not in this program's catalog are warnings; a push to an installation that lacks them is refused")
	cmd.Flags().StringToStringVarP(&opts.options, "option", "o", nil, "a push option, such as "+manifest.AcceptDataLoss)
	return cmd
}

func (c *program) makePlan(ctx context.Context, dir string, opts planOptions) (plan.Plan, error) {
	c.checkout = dir
	explicit := firstOf(c.environment, c.env["SLUICE_ENVIRONMENT"]) != ""
	if !explicit && (c.remoteProject(ctx) == "" || c.branch(ctx) == "") {
		return firstDeployment(dir, opts)
	}
	p, err := c.comparedPlan(ctx, dir, opts)
	if err == nil || explicit || !unreachable(err) {
		return p, err
	}
	c.note("Could not compare with the environment, so this is the plan of a first deployment: %s", printable(err.Error()))
	return firstDeployment(dir, opts)
}

// unreachable reports whether an error says that the server cannot be asked.
func unreachable(err error) bool {
	code := exitStatus(err)
	return code == ExitConnection || code == ExitLogin || code == ExitProjectNotFound
}

// comparedPlan has the server compare a directory with what the environment serves.
func (c *program) comparedPlan(ctx context.Context, dir string, opts planOptions) (plan.Plan, error) {
	s, err := c.selectEnvironment(ctx)
	if err != nil {
		return plan.Plan{}, err
	}
	tree, err := readTree(dir)
	if err != nil {
		return plan.Plan{}, err
	}
	data, err := s.Plan(ctx, s.project, s.env, apiv1.PlanRequest{
		Files: tree.files, Sources: c.sources(ctx, dir, tree.manifest), Options: opts.options,
	})
	if err != nil {
		return plan.Plan{}, err
	}
	var p plan.Plan
	if err := json.Unmarshal(data, &p); err != nil {
		return plan.Plan{}, fmt.Errorf("read the server's plan: %w", err)
	}
	// The server knows its catalog and what runs, this program the files beside the
	// configuration.
	found := tree.found.Merge(p.Findings)
	p.Findings = found
	if found.HasErrors() {
		p.Verdict = plan.Refused
	}
	if changes, ok := c.changes(ctx, dir, tree.manifest, p.Commit); ok {
		p.AddBuildSteps(tree.manifest, changes)
	}
	return p, nil
}

// firstDeployment plans without a server.
func firstDeployment(dir string, opts planOptions) (plan.Plan, error) {
	m, found, err := check(dir, opts.lenient)
	if err != nil {
		return plan.Plan{}, err
	}
	return plan.Make(plan.Input{Catalog: catalog.Default(), Pushed: m, Findings: found})
}

// pushedTree is what a push would bring.
type pushedTree struct {
	files    map[string][]byte // those that were read
	manifest *manifest.Manifest
	found    manifest.Diagnostics // that need no catalog
}

func readTree(dir string) (pushedTree, error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return pushedTree{}, usageError("name the top directory of a project", "cannot read %s: %v", dir, err)
	}
	defer func() { _ = root.Close() }()
	t := pushedTree{files: map[string][]byte{}}
	t.manifest, t.found = manifest.Parse(root.FS(), manifest.Options{
		Now: time.Now(), OnRead: func(name string, content []byte) { t.files[name] = content },
	})
	if len(t.files) == 0 {
		return pushedTree{}, usageError("name the top directory of a project", "%s has no configuration files", dir)
	}
	return t, nil
}
