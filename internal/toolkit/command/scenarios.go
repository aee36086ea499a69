package command

import (
	"context"
	"encoding/json"
	"errors"
	"path"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"sluice/internal/manifest"
	"sluice/internal/toolkit/fault"
	"sluice/internal/toolkit/kit"
	"sluice/internal/toolkit/scenario"
	"sluice/internal/toolkit/tree"
	"sluice/internal/toolkit/zerohold"
)

// The default scenarios.
const (
	generate   = "scenario/build/generate.xml"
	transfer   = "scenario/build/transfer.xml"
	deploy     = "scenario/deploy.xml"
	postDeploy = "scenario/post-deploy.xml"
)

// scenarioCommands are the commands that run or show scenarios.
func scenarioCommands(p Process) []*cobra.Command {
	fixed := func(name, short string, runs ...string) *cobra.Command {
		return &cobra.Command{
			Use: name, Short: short, Args: cobra.NoArgs,
			RunE: func(c *cobra.Command, _ []string) error {
				for _, file := range runs {
					if err := runScenario(c.Context(), c, p, file); err != nil {
						return err
					}
				}
				return nil
			},
		}
	}
	return []*cobra.Command{
		{
			Use: "run <scenario>...", Short: "Runs scenarios, merged from left to right", Args: cobra.MinimumNArgs(1),
			RunE: func(c *cobra.Command, args []string) error { return runScenario(c.Context(), c, p, args...) },
		},
		fixed("build", "Builds the application", generate, transfer),
		fixed("build:generate", "Generates code and static content", generate),
		fixed("build:transfer", "Moves generated files into the init directory", transfer),
		fixed("deploy", "Deploys the application", deploy),
		fixed("post-deploy", "Runs what can wait until the site is open again", postDeploy),
		newShow(p),
		newNested(p),
	}
}

// newNested runs one native step for a PHP class that was given it; it is not for people.
func newNested(p Process) *cobra.Command {
	return &cobra.Command{
		Use: "internal:step <type>", Args: cobra.ExactArgs(1), Hidden: true,
		RunE: func(c *cobra.Command, args []string) error {
			return within(c.Context(), p, options{nested: true}, func(ctx context.Context, s *session) error {
				return scenario.RunNested(ctx, c.OutOrStdout(), registry(s), s.Kit, args[0])
			})
		},
	}
}

func runScenario(ctx context.Context, c *cobra.Command, p Process, paths ...string) error {
	o := phaseOptions(c)
	o.stage = stageOf(paths)
	return within(ctx, p, o, func(ctx context.Context, s *session) error {
		r := scenario.Runner{Kit: s.Kit, Registry: registry(s), Files: scenario.Files{WorkDir: p.Dir, Root: s.Tree.Dir()}, Program: p.Program}
		err := r.Run(ctx, paths...)
		if _, wrong := errors.AsType[*scenario.UnhandledError](err); wrong && o.stage == manifest.StageDeploy {
			// No step ran, so no action did either: post-deploy must know all the same.
			s.Tree.SetFlag(tree.FlagDeployFailed, s.Log)
		}
		if err == nil && o.stage == manifest.StageDeploy {
			tellData(ctx, s.Kit)
		}
		if err != nil && !o.quiet {
			return &loggedError{err}
		}
		return err
	})
}

// tellData says what the database looks like after a deployment. Without it the platform takes
// the data for changed.
func tellData(ctx context.Context, k *kit.Kit) {
	digest, err := zerohold.DataDigest(ctx, k)
	switch {
	case err != nil:
		k.Log.Debugf("Could not read what the database was upgraded to: %v", err)
	case digest != "":
		k.Progress.Data(digest)
	}
}

// loggedError is an error that the log has said in full: its first line is enough at the end.
type loggedError struct{ err error }

// maxSummary bounds that line, in characters: commands can have many options.
const maxSummary = 300

// Error returns the first line of the message.
func (e *loggedError) Error() string {
	line, _, _ := strings.Cut(e.err.Error(), "\n")
	if runes := []rune(line); len(runes) > maxSummary {
		line = string(runes[:maxSummary]) + "…"
	}
	return line
}

// Unwrap returns the error.
func (e *loggedError) Unwrap() error { return e.err }

// phaseOptions are those of a command that runs a scenario.
func phaseOptions(c *cobra.Command) options {
	o := options{phase: true, quiet: flag(c, "quiet")}
	if n, err := c.Flags().GetCount("verbose"); err == nil && n > 0 {
		o.level = fault.Debug
	}
	return o
}

func flag(c *cobra.Command, name string) bool {
	on, err := c.Flags().GetBool(name)
	return err == nil && on
}

// stageOf returns the stage whose scenario the first file is: the others extend it. "" when
// that is not known.
func stageOf(paths []string) string {
	switch path.Base(filepath.ToSlash(paths[0])) {
	case path.Base(generate), path.Base(transfer):
		return manifest.StageBuild
	case path.Base(deploy):
		return manifest.StageDeploy
	case path.Base(postDeploy):
		return manifest.StagePostDeploy
	}
	return ""
}

func newShow(p Process) *cobra.Command {
	asJSON := false
	c := &cobra.Command{
		Use: "scenario:show [scenario]...", Short: "Shows what scenarios would run after merging",
		Long: "Shows what the given scenarios would run after merging, in order. Without an argument it shows the deploy scenario.",
		RunE: func(c *cobra.Command, args []string) error {
			if len(args) == 0 {
				args = []string{deploy}
			}
			def, err := scenario.Files{WorkDir: p.Dir, Root: p.root()}.Load(args)
			if err != nil {
				return err
			}
			shown := scenario.Show(def, registry(nil))
			if !asJSON {
				return shown.WriteTree(c.OutOrStdout())
			}
			return printJSON(c, shown)
		},
	}
	c.Flags().BoolVarP(&asJSON, "json", "j", false, "Print JSON")
	return c
}

func printJSON(c *cobra.Command, v any) error {
	enc := json.NewEncoder(c.OutOrStdout())
	enc.SetIndent("", "    ")
	enc.SetEscapeHTML(false)
	return enc.Encode(v)
}
