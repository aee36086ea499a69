package cli

import (
	"context"
	"io"
	"net/http"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"sluice/apiv1"
)

// levelOptions say where a variable is.
type levelOptions struct {
	level string
}

func (o *levelOptions) addFlags(cmd *cobra.Command) {
	cmd.Flags().StringVarP(&o.level, "level", "l", "", "project or environment")
}

// readLevel selects where to look: at the environment if there is one in use.
func (c *program) readLevel(ctx context.Context, o levelOptions) (selection, error) {
	switch o.level {
	case "project":
		return c.selectProject(ctx)
	case "environment":
		return c.selectEnvironment(ctx)
	case "":
		return c.maybeEnvironment(ctx)
	default:
		return selection{}, usageError("use -l project or -l environment", "unknown level %q", o.level)
	}
}

// writeLevel selects where to change something: only at an environment that was named.
func (c *program) writeLevel(ctx context.Context, o levelOptions) (selection, error) {
	if o.level == "" && c.environment == "" {
		o.level = "project"
	}
	return c.readLevel(ctx, o)
}

const hiddenValue = "(hidden)"

func variableValue(v apiv1.Variable) string {
	if v.Value == nil {
		return hiddenValue
	}
	return *v.Value
}

func variableLevel(v apiv1.Variable) string {
	switch {
	case v.Environment == "":
		return "project"
	case v.Inherited:
		return "environment (inherited from " + v.Environment + ")"
	default:
		return "environment"
	}
}

func isEnabled(v apiv1.Variable) string {
	return strconv.FormatBool(v.IsEnabled == nil || *v.IsEnabled)
}

func (c *program) variableList() *cobra.Command {
	var (
		opts  tableOptions
		level levelOptions
	)
	cmd := &cobra.Command{
		Use:     "variable:list",
		Aliases: []string{"variables", "var"},
		Short:   "List the variables of an environment, or of the project",
		Args:    positional(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			s, err := c.readLevel(cmd.Context(), level)
			if err != nil {
				return err
			}
			vars, err := s.variables(cmd.Context(), level)
			if err != nil {
				return err
			}
			return printTable(c, opts, []column[apiv1.Variable]{
				{name: "name", title: "Name", value: func(v apiv1.Variable) string { return v.Name }},
				{name: "level", title: "Level", value: variableLevel},
				{name: "value", title: "Value", value: variableValue},
				{name: "enabled", title: "Enabled", value: isEnabled},
			}, vars)
		},
	}
	opts.addFlags(cmd)
	level.addFlags(cmd)
	return cmd
}

// variables lists both levels when an environment is selected and no level was given.
func (s selection) variables(ctx context.Context, o levelOptions) ([]apiv1.Variable, error) {
	vars, err := s.Variables(ctx, s.project, s.env)
	if err != nil || s.env == "" || o.level != "" {
		return vars, err
	}
	shared, err := s.Variables(ctx, s.project, "")
	return append(shared, vars...), err
}

// variable returns one of variables: that of the environment before that of the project.
func (s selection) variable(ctx context.Context, o levelOptions, name string) (apiv1.Variable, error) {
	v, err := s.Variable(ctx, s.project, s.env, name)
	if s.env != "" && o.level == "" && apiv1.IsNotFound(err) && !apiv1.IsProjectNotFound(err) {
		if shared, sharedErr := s.Variable(ctx, s.project, "", name); sharedErr == nil {
			return shared, nil
		}
	}
	return v, err
}

func (c *program) variableGet() *cobra.Command {
	var (
		opts  infoOptions
		level levelOptions
	)
	cmd := &cobra.Command{
		Use:   "variable:get NAME",
		Short: "Show a variable",
		Args:  positional(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			s, err := c.readLevel(cmd.Context(), level)
			if err != nil {
				return err
			}
			v, err := s.variable(cmd.Context(), level, args[0])
			if err != nil {
				return err
			}
			return printInfo(c, opts, v, variableProperties(v))
		},
	}
	opts.addFlags(cmd)
	level.addFlags(cmd)
	return cmd
}

func variableProperties(v apiv1.Variable) []property {
	return []property{
		{"name", v.Name},
		{"level", variableLevel(v)},
		{"value", variableValue(v)},
		{"is_enabled", isEnabled(v)},
		{"is_json", strconv.FormatBool(v.IsJSON)},
		{"is_sensitive", strconv.FormatBool(v.IsSensitive)},
		{"visible_build", strconv.FormatBool(v.VisibleBuild)},
		{"visible_runtime", strconv.FormatBool(v.VisibleRuntime)},
	}
}

// changeOptions are the fields of a variable that the command line gives.
type changeOptions struct {
	levelOptions
	value     string
	valueFile string
	prefix    string
	update    bool
	flags     map[string]*bool
}

func (o *changeOptions) addFlags(cmd *cobra.Command) {
	o.levelOptions.addFlags(cmd)
	f := cmd.Flags()
	f.StringVar(&o.value, "value", "", "the value; other users of this machine can read a command line")
	f.StringVar(&o.valueFile, "value-file", "", "file with the value, - for standard input; without the last newline")
	cmd.MarkFlagsMutuallyExclusive("value", "value-file")
	o.flags = map[string]*bool{}
	for name, usage := range map[string]string{
		"json": "the value is JSON", "sensitive": "never show the value again",
		"visible-build": "the build sees it; off for an environment's variable unless given", "visible-runtime": "running applications see it",
		"enabled": "environments only: false hides an inherited one", "inheritable": "environments only: children see it",
	} {
		o.flags[name] = f.Bool(name, name != "json" && name != "sensitive", usage)
	}
}

const maxValue = 512 << 10

// change returns the fields that were given; the others stay as they are.
func (o *changeOptions) change(c *program, cmd *cobra.Command) (apiv1.VariableChange, error) {
	var change apiv1.VariableChange
	if cmd.Flags().Changed("value") {
		change.Value = &o.value
	}
	if o.valueFile != "" {
		value, err := c.readValue(o.valueFile)
		if err != nil {
			return change, err
		}
		change.Value = &value
	}
	for name, field := range map[string]**bool{
		"json": &change.IsJSON, "sensitive": &change.IsSensitive, "visible-build": &change.VisibleBuild,
		"visible-runtime": &change.VisibleRuntime, "enabled": &change.IsEnabled, "inheritable": &change.IsInheritable,
	} {
		if cmd.Flags().Changed(name) {
			*field = o.flags[name]
		}
	}
	return change, nil
}

func (c *program) readValue(path string) (string, error) {
	var (
		data []byte
		err  error
	)
	if path == "-" {
		data, err = io.ReadAll(io.LimitReader(c.in, maxValue+1))
	} else {
		data, err = readFile(path, maxValue)
	}
	if err != nil {
		return "", fail(ExitFailure, "", "cannot read the value: %v", err)
	}
	if len(data) > maxValue {
		return "", fail(ExitFailure, "", "the value has more than %d bytes", maxValue)
	}
	return strings.TrimSuffix(string(data), "\n"), nil
}

func (c *program) variableCreate() *cobra.Command {
	var (
		opts changeOptions
		name string
	)
	cmd := &cobra.Command{
		Use:   "variable:create [NAME]",
		Short: "Create a variable on the project, or on an environment with -e",
		Example: "  sluice variable:create env:API_KEY --sensitive --value-file key.txt\n" +
			"  sluice variable:create --prefix php memory_limit --value 2G -e staging",
		Args: positional(cobra.MaximumNArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 1 {
				name = args[0]
			}
			if name == "" {
				return usageError("sluice variable:create NAME --value VALUE", "the variable needs a name")
			}
			s, err := c.writeLevel(cmd.Context(), opts.levelOptions)
			if err != nil {
				return err
			}
			change, err := opts.change(c, cmd)
			if err != nil {
				return err
			}
			if change.Value == nil {
				return usageError("give it with --value or --value-file", "the variable needs a value")
			}
			change.Name = name
			if opts.prefix != "" && opts.prefix != "none" {
				change.Name = strings.TrimSuffix(opts.prefix, ":") + ":" + name
			}
			return c.createVariable(cmd.Context(), s, change, opts.update)
		},
	}
	opts.addFlags(cmd)
	cmd.Flags().StringVar(&name, "name", "", "the name, instead of the argument")
	cmd.Flags().StringVar(&opts.prefix, "prefix", "", "prefix of the name: none, env, php, ...")
	cmd.Flags().BoolVarP(&opts.update, "update", "u", false, "change the variable if it exists")
	return cmd
}

func (c *program) createVariable(ctx context.Context, s selection, change apiv1.VariableChange, update bool) error {
	v, err := s.CreateVariable(ctx, s.project, s.env, change)
	if update && apiv1.StatusCode(err) == http.StatusConflict {
		v, err = s.UpdateVariable(ctx, s.project, s.env, change.Name, change)
	}
	if err != nil {
		return err
	}
	c.noteVariable(ctx, "Set", s, v.Name)
	return nil
}

// noteVariable says what was done where, and when it reaches the containers.
func (c *program) noteVariable(ctx context.Context, verb string, s selection, name string) {
	where := "the project " + s.project
	if s.env != "" {
		where = "the environment " + s.env
	}
	effect := "It takes effect with the next deployment: sluice environment:redeploy"
	envs, err := s.Environments(ctx, s.project)
	if err == nil && !slices.ContainsFunc(envs, func(e apiv1.Environment) bool { return e.HasDeployment && (s.env == "" || e.Name == s.env) }) {
		effect = "It takes effect with the first deployment."
	}
	c.note("%s the variable %s on %s. %s", verb, name, where, effect)
}

func (c *program) variableUpdate() *cobra.Command {
	var opts changeOptions
	cmd := &cobra.Command{
		Use:   "variable:update NAME",
		Short: "Change a variable of the project, or of an environment with -e",
		Args:  positional(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			s, err := c.writeLevel(cmd.Context(), opts.levelOptions)
			if err != nil {
				return err
			}
			change, err := opts.change(c, cmd)
			if err != nil {
				return err
			}
			if reflect.ValueOf(change).IsZero() {
				return usageError("usage: "+cmd.UseLine(), "nothing to change")
			}
			v, err := s.UpdateVariable(cmd.Context(), s.project, s.env, args[0], change)
			if err != nil {
				return err
			}
			c.noteVariable(cmd.Context(), "Changed", s, v.Name)
			return nil
		},
	}
	opts.addFlags(cmd)
	return cmd
}

func (c *program) variableDelete() *cobra.Command {
	var level levelOptions
	cmd := &cobra.Command{
		Use:   "variable:delete NAME",
		Short: "Delete a variable of the project, or of an environment with -e",
		Args:  positional(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			s, err := c.writeLevel(cmd.Context(), level)
			if err != nil {
				return err
			}
			if err := c.confirm("This deletes the variable %s.", args[0]); err != nil {
				return err
			}
			if err := s.DeleteVariable(cmd.Context(), s.project, s.env, args[0]); err != nil {
				return err
			}
			c.noteVariable(cmd.Context(), "Deleted", s, args[0])
			return nil
		},
	}
	level.addFlags(cmd)
	return cmd
}
