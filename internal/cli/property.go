package cli

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
)

// property is one line of an info command.
type property struct {
	name  string
	value string
}

// infoOptions are the options of every command that shows one resource.
type infoOptions struct {
	tableOptions
	property string
}

func (o *infoOptions) addFlags(cmd *cobra.Command) {
	o.tableOptions.addFlags(cmd)
	cmd.Flags().StringVarP(&o.property, "property", "P", "", "show one property, such as repository.url")
}

// printInfo shows a resource: a table of properties, one property, or its JSON.
func printInfo(c *program, o infoOptions, resource any, properties []property) error {
	if o.property != "" {
		return printProperty(c, resource, o.property)
	}
	if o.format == "json" {
		return printJSON(c.out, resource)
	}
	return printTable(c, o.tableOptions, []column[property]{
		{name: "property", title: "Property", value: func(p property) string { return p.name }},
		{name: "value", title: "Value", value: func(p property) string { return p.value }},
	}, properties)
}

// printProperty follows a dotted path into the resource's JSON. Texts, numbers and truth
// values are printed bare, anything else as JSON.
func printProperty(c *program, resource any, path string) error {
	data, err := json.Marshal(resource)
	if err != nil {
		return fmt.Errorf("encode resource: %w", err)
	}
	var v any
	if err := json.Unmarshal(data, &v); err != nil {
		return fmt.Errorf("decode resource: %w", err)
	}
	for part := range strings.SplitSeq(path, ".") {
		next, known := child(v, part)
		if known != nil {
			return fail(ExitFailure, "the properties are "+strings.Join(known, ", "), "unknown property %q", path)
		}
		v = next
	}
	switch v := v.(type) {
	case nil:
		return writeText(c.out, "\n")
	case string:
		return writeText(c.out, v+"\n")
	case float64, bool:
		text, err := json.Marshal(v)
		if err != nil {
			return fmt.Errorf("encode property: %w", err)
		}
		return writeText(c.out, string(text)+"\n")
	default:
		return printJSON(c.out, v)
	}
}

// child returns a part of a JSON value; known lists the parts there are when it has none
// of that name, and is nil otherwise.
func child(v any, name string) (part any, known []string) {
	switch v := v.(type) {
	case map[string]any:
		if part, ok := v[name]; ok {
			return part, nil
		}
		known = []string{}
		for key := range v {
			known = append(known, key)
		}
		slices.Sort(known)
		return nil, known
	case []any:
		if i, err := strconv.Atoi(name); err == nil && i >= 0 && i < len(v) {
			return v[i], nil
		}
		return nil, []string{"0 to " + strconv.Itoa(len(v)-1)}
	default:
		return nil, []string{"no parts in this value"}
	}
}
