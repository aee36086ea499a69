package cli

import (
	"bufio"
	"context"
	"errors"
	"io"
	"os/exec"
	"regexp"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"sluice/apiv1"
)

// pushOptions are the options of environment:push.
type pushOptions struct {
	target         string
	force          bool
	forceWithLease bool
	activate       bool
	parent         string
	kind           string
	options        []string
	noWait         bool
}

func (o *pushOptions) addFlags(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringVar(&o.target, "target", "", "branch to push to (default: -e, or the current branch)")
	f.BoolVarP(&o.force, "force", "f", false, "allow rewriting history")
	f.BoolVar(&o.forceWithLease, "force-with-lease", false, "the same, unless the branch has changed on the server")
	f.BoolVar(&o.activate, "activate", false, "activate the environment")
	f.StringVar(&o.parent, "parent", "", "parent of a new environment")
	f.StringVar(&o.kind, "type", "", "type of a new environment: development or staging")
	f.StringArrayVarP(&o.options, "option", "o", nil, "push option, such as build.force=true")
	f.BoolVarP(&o.noWait, "no-wait", "W", false, "return when the push is stored, without waiting for the deployment")
}

func (c *program) environmentPush() *cobra.Command {
	var opts pushOptions
	cmd := &cobra.Command{
		Use:     "environment:push [SOURCE]",
		Aliases: []string{"push"},
		Short:   "Push code and wait until it is deployed",
		Long: "Runs git push to the project's repository and shows the build and the deployment. Unlike plain git push, its exit status " +
			"says how they went.\n\n" + exitStatuses,
		Args: positional(cobra.MaximumNArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			source := "HEAD"
			if len(args) == 1 {
				source = args[0]
			}
			return c.push(cmd.Context(), source, opts)
		},
	}
	opts.addFlags(cmd)
	return cmd
}

func (c *program) push(ctx context.Context, source string, opts pushOptions) error {
	if opts.target != "" {
		c.environment = opts.target
	}
	s, err := c.selectProject(ctx)
	if err != nil {
		return err
	}
	commit, err := c.git(ctx, "rev-parse", "--verify", "--quiet", "--end-of-options", source+"^{commit}")
	if err != nil {
		return usageError("run it in a git checkout, and name a branch or a commit", "%q is not a commit in this repository", source)
	}
	target := firstOf(c.environment, c.env["SLUICE_ENVIRONMENT"], c.branch(ctx))
	p, err := s.Project(ctx, s.project)
	if err != nil {
		return err
	}
	if target == "." {
		target = p.DefaultBranch
	}
	if target == "" {
		return usageError("for example --target main", "HEAD is detached; name a target branch")
	}
	activity, err := c.runPush(ctx, p, source, target, opts)
	if err != nil {
		return err
	}
	deployed := c.pushOutcome(ctx, s, target, commit, activity, opts.noWait)
	if slices.Contains(opts.options, rehearseOption) {
		if err := c.rehearsalOutcome(ctx, s, commit, opts.noWait); err != nil {
			return err // a push that waited for it failed because of it
		}
	}
	return deployed
}

const rehearseOption = "sluice.rehearse=true"

// rehearsalOutcome waits for the rehearsal that the push of a commit asked for, and returns how
// it went.
func (c *program) rehearsalOutcome(ctx context.Context, s selection, commit string, noWait bool) error {
	found, err := s.Activities(ctx, apiv1.ActivityQuery{Project: s.project, Types: []string{rehearseType}, Count: 20})
	if err != nil {
		return err
	}
	i := slices.IndexFunc(found, func(a apiv1.Activity) bool { return strings.EqualFold(string(a.Payload.NewCommit), commit) })
	switch {
	case i < 0:
		return nil // the push was up to date
	case noWait:
		return writeText(c.out, found[i].ID+"\n")
	case found[i].Final():
		return outcome(found[i])
	}
	return c.await(ctx, s.Client, found[i].ID)
}

// runPush runs git push and returns the activity that the server named, or "".
func (c *program) runPush(ctx context.Context, p apiv1.Project, source, target string, opts pushOptions) (string, error) {
	helper, err := credentialHelper()
	if err != nil {
		return "", err
	}
	cred, err := c.credentials()
	if err != nil {
		return "", err
	}
	// The empty helper forgets those of the user, which know nothing of this server.
	args := []string{"-c", "credential.helper=", "-c", "credential.helper=" + helper, "push"}
	args = append(args, opts.arguments()...)
	args = append(args, "--", p.Repository.HTTPURL, source+":refs/heads/"+target)
	cmd := exec.CommandContext(ctx, "git", args...) //nolint:gosec // our own arguments, no shell
	// The helper is a child of git: it gets the server and the token as this program has them.
	cmd.Env = append(slices.Clone(c.environ), gitHostVariable+"="+hostOf(p.Repository.HTTPURL),
		"SLUICE_URL="+cred.server, "SLUICE_TOKEN="+cred.token, "GIT_TERMINAL_PROMPT=0")
	cmd.Stdin, cmd.Stdout = c.in, c.out
	if isTerminal(c.err) {
		cmd.Args = slices.Insert(cmd.Args, slices.Index(cmd.Args, "push")+1, "--progress")
	}
	pipe, err := cmd.StderrPipe()
	if err != nil {
		return "", err //nolint:wrapcheck // says it all
	}
	if err := cmd.Start(); err != nil {
		return "", fail(ExitFailure, "install git", "could not start git: %v", err)
	}
	activity := relay(pipe, c.err)
	err = cmd.Wait()
	if e, ok := errors.AsType[*exec.ExitError](err); ok && ctx.Err() == nil {
		return "", statusError(max(1, e.ExitCode())) // git has said why
	}
	if err != nil {
		return "", err //nolint:wrapcheck // names git
	}
	return activity, nil
}

// arguments are what the options mean to git.
func (o *pushOptions) arguments() []string {
	var args []string
	if o.force {
		args = append(args, "--force")
	}
	if o.forceWithLease {
		args = append(args, "--force-with-lease")
	}
	options := slices.Clone(o.options)
	if o.activate {
		options = append(options, "environment.status=active")
	}
	if o.parent != "" {
		options = append(options, "environment.parent="+o.parent)
	}
	if o.kind != "" {
		options = append(options, "environment.type="+o.kind)
	}
	if o.noWait {
		options = append(options, "deploy.wait=false")
	}
	for _, opt := range options {
		args = append(args, "--push-option="+opt)
	}
	return args
}

// activityLine is the machine-readable last line of a push.
var activityLine = regexp.MustCompile(`^remote: +activity ([a-z0-9]{13})\b`)

// relay passes git's messages on as they come, half lines of progress included, and
// returns the activity that they name last.
func relay(from io.Reader, to io.Writer) (activity string) {
	r := bufio.NewReaderSize(from, 64<<10)
	var line []byte
	for {
		b, err := r.ReadByte()
		if err != nil {
			_, _ = to.Write(line)
			return activity
		}
		line = append(line, b)
		if b != '\n' && b != '\r' && r.Buffered() > 0 && len(line) < 32<<10 {
			continue
		}
		if m := activityLine.FindSubmatch(line); m != nil && b == '\n' {
			activity = string(m[1])
		}
		if b == '\n' || b == '\r' || len(line) >= 32<<10 {
			_, _ = to.Write(line)
			line = line[:0]
		}
	}
}

// pushOutcome waits for the push's activity, if it is not over, and returns how it went.
func (c *program) pushOutcome(ctx context.Context, s selection, env, commit, activity string, noWait bool) error {
	if activity == "" {
		var err error
		if activity, err = pushedActivity(ctx, s, env, commit); err != nil {
			return err
		}
	}
	switch {
	case activity == "":
		c.note("Nothing was deployed. To deploy the same commit again: sluice environment:redeploy -e %s", env)
		return nil
	case noWait:
		return writeText(c.out, activity+"\n")
	}
	a, err := s.Activity(ctx, activity)
	if err != nil {
		return err
	}
	if !a.Final() {
		return c.await(ctx, s.Client, activity) // git lost the log, or never had it
	}
	if err := outcome(a); err != nil {
		return err
	}
	c.note("%s", summary(a))
	return nil
}

// pushedActivity finds the unfinished push of a commit; "" when there is none.
func pushedActivity(ctx context.Context, s selection, env, commit string) (string, error) {
	found, err := s.Activities(ctx, apiv1.ActivityQuery{
		Project: s.project, Environment: env, Types: []string{"push"},
		States: []string{apiv1.StatePending, apiv1.StateInProgress}, Count: 20,
	})
	if err != nil && !apiv1.IsNotFound(err) {
		return "", err
	}
	for _, a := range found {
		if strings.EqualFold(string(a.Payload.NewCommit), commit) {
			return a.ID, nil
		}
	}
	return "", nil
}
