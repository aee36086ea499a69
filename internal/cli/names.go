package cli

import (
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// resolveCommand replaces an abbreviated command name by the full one: "env:li" means
// environment:list, as each part begins a part of one command only.
func resolveCommand(root *cobra.Command, args []string) ([]string, error) {
	i := commandIndex(root.PersistentFlags(), args)
	if i < 0 {
		return args, nil
	}
	name := args[i]
	if known(root, name) {
		return args, nil
	}
	var found []string
	for _, cmd := range root.Commands() {
		if !cmd.Hidden && abbreviates(name, cmd.Name()) {
			found = append(found, cmd.Name())
		}
	}
	switch len(found) {
	case 1:
		args = slices.Clone(args)
		args[i] = found[0]
		return args, nil
	case 0:
		return nil, unknownCommand(root, name)
	default:
		return nil, usageError("ambiguous command; type more of it", "%q could be %s", name, strings.Join(found, " or "))
	}
}

// commandIndex finds the first argument that is neither an option nor an option's value.
func commandIndex(flags *pflag.FlagSet, args []string) int {
	for i := 0; i < len(args); i++ {
		arg := args[i]
		if arg == "--" {
			return -1
		}
		if !strings.HasPrefix(arg, "-") || arg == "-" {
			return i
		}
		if takesNext(flags, arg) {
			i++
		}
	}
	return -1
}

// takesNext reports whether the option's value is the next argument.
func takesNext(flags *pflag.FlagSet, arg string) bool {
	if long, ok := strings.CutPrefix(arg, "--"); ok {
		f := flags.Lookup(long)
		return f != nil && f.NoOptDefVal == ""
	}
	f := flags.ShorthandLookup(arg[len(arg)-1:])
	return len(arg) == 2 && f != nil && f.NoOptDefVal == ""
}

func known(root *cobra.Command, name string) bool {
	if name == "help" || strings.HasPrefix(name, "__complete") || name == "completion" {
		return true
	}
	return slices.ContainsFunc(root.Commands(), func(cmd *cobra.Command) bool {
		return cmd.Name() == name || cmd.HasAlias(name)
	})
}

// abbreviates reports whether each part of short begins the same part of full.
func abbreviates(short, full string) bool {
	s, f := strings.Split(short, ":"), strings.Split(full, ":")
	if len(s) != len(f) {
		return false
	}
	for i := range s {
		if !strings.HasPrefix(f[i], s[i]) {
			return false
		}
	}
	return true
}

func unknownCommand(root *cobra.Command, name string) error {
	var near []string
	for _, cmd := range root.Commands() {
		for _, candidate := range append([]string{cmd.Name()}, cmd.Aliases...) {
			if !cmd.Hidden && similar(name, candidate) {
				near = append(near, "`sluice "+cmd.Name()+"`")
				break
			}
		}
	}
	hint := "`sluice help` lists the commands"
	if len(near) > 0 {
		hint = "did you mean " + strings.Join(near[:min(len(near), 4)], " or ") + "?"
	}
	return usageError(hint, "unknown command %q", name)
}

// similar reports whether two names are alike enough to be a typing mistake, or one is the
// group of the other.
func similar(name, candidate string) bool {
	if strings.HasPrefix(candidate, name+":") {
		return true
	}
	return distance(name, candidate) <= 1+len(candidate)/6
}

// distance is the Levenshtein distance in bytes.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := 1
			if a[i] == b[j] {
				cost = 0
			}
			diagonal, row[j+1] = row[j+1], min(row[j+1]+1, row[j]+1, diagonal+cost)
		}
	}
	return row[len(b)]
}
