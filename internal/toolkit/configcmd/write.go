package configcmd

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"

	"sluice/internal/toolkit/fault"
	"sluice/internal/toolkit/kit"
	"sluice/internal/toolkit/phparray"
	"sluice/internal/toolkit/tree"
	"sluice/internal/toolkit/validate"
)

// Create writes .magento.env.yaml with the content of a JSON object, whatever the file had
// before, and says so on w.
func Create(w io.Writer, t *tree.Tree, text string) error {
	config, err := decode(text)
	if err != nil {
		return err
	}
	return save(w, t, node(config), "created")
}

// Update puts the values of a JSON object over those of .magento.env.yaml: maps are merged
// by key, lists by index, everything else is replaced. Unlike the original it keeps the
// comments of the file.
func Update(w io.Writer, t *tree.Tree, text string) error {
	config, err := decode(text)
	if err != nil {
		return err
	}
	old, err := t.ReadOrNothing(tree.EnvYAML)
	if err != nil {
		return err
	}
	var document yaml.Node
	if err := yaml.Unmarshal(old, &document); err != nil {
		return &fault.Fault{Code: 1, Message: fmt.Sprintf("%s: %v; nothing was written", tree.EnvYAML, err), Err: err}
	}
	if len(document.Content) == 0 || document.Content[0].Kind != yaml.MappingNode {
		return save(w, t, node(config), "updated")
	}
	over(document.Content[0], config)
	return save(w, t, &document, "updated")
}

// Validate says on w whether .magento.env.yaml is valid; the error of an invalid one has
// been printed.
func Validate(ctx context.Context, w io.Writer, k *kit.Kit) error {
	f, err := validate.StageConfig(ctx, k)
	switch {
	case err != nil:
		_, _ = fmt.Fprintf(w, "Command execution failed:\n%v\n", err)
		return ErrInvalid
	case f != nil:
		_, _ = fmt.Fprintf(w, "%s\n%s\n", f.Message, f.Suggestion)
		return ErrInvalid
	}
	_, err = fmt.Fprintln(w, "The configuration file .magento.env.yaml is valid.")
	return err
}

// ErrInvalid ends the process with status 1 after everything was said.
var ErrInvalid = errors.New("the configuration is not valid")

func decode(text string) (*phparray.Array, error) {
	v, err := phparray.DecodeJSON([]byte(text))
	if err != nil {
		return nil, &fault.Fault{Code: 1, Message: "Wrong JSON format: " + err.Error(), Err: err}
	}
	config, ok := v.(*phparray.Array)
	if !ok || config.IsList() {
		return nil, &fault.Fault{Code: 1, Message: "Wrong JSON format: the configuration must be an object, as in " + `{"stage": {"build": {"SCD_THREADS": 3}}}`}
	}
	return config, nil
}

func save(w io.Writer, t *tree.Tree, n *yaml.Node, done string) error {
	var b bytes.Buffer
	e := yaml.NewEncoder(&b)
	e.SetIndent(2)
	if err := errors.Join(e.Encode(n), e.Close()); err != nil {
		return fmt.Errorf("write %s as YAML: %w", tree.EnvYAML, err)
	}
	if err := t.Write(tree.EnvYAML, b.Bytes()); err != nil {
		return err
	}
	_, err := fmt.Fprintf(w, "Config file %s was %s\n", t.Path(tree.EnvYAML), done)
	return err
}

// node returns a value as YAML in block style.
func node(v any) *yaml.Node {
	a, ok := v.(*phparray.Array)
	if !ok {
		return scalar(v)
	}
	n := &yaml.Node{Kind: yaml.MappingNode}
	if a.IsList() {
		n.Kind = yaml.SequenceNode
	}
	for key, below := range a.All() {
		if n.Kind == yaml.MappingNode {
			n.Content = append(n.Content, scalar(key.String()))
		}
		n.Content = append(n.Content, node(below))
	}
	return n
}

// scalar returns a scalar whose type a reader finds again: a text that looks like anything
// else is quoted.
func scalar(v any) *yaml.Node {
	n := &yaml.Node{Kind: yaml.ScalarNode}
	switch v := v.(type) {
	case nil:
		n.Value = "null"
	case bool:
		n.Value = strconv.FormatBool(v)
	case string:
		n.Value = v
		if n.ShortTag() != "!!str" || v == "" || booleanOnce(v) {
			n.Style = yaml.SingleQuotedStyle
		}
		n.Tag = "!!str"
	default:
		n.Value = phparray.String(v)
	}
	return n
}

// booleanOnce reports whether an older reader of YAML takes the text for a boolean.
func booleanOnce(text string) bool {
	return slices.Contains([]string{"yes", "no", "on", "off", "y", "n"}, strings.ToLower(text))
}

// over puts values over a mapping.
func over(to *yaml.Node, values *phparray.Array) {
	for key, v := range values.All() {
		at := find(to, key.String())
		below, isMap := v.(*phparray.Array)
		switch {
		case at == nil && to.Kind == yaml.MappingNode:
			to.Content = append(to.Content, scalar(key.String()), node(v))
		case at == nil:
			to.Content = append(to.Content, node(v))
		case isMap && (at.Kind == yaml.MappingNode || at.Kind == yaml.SequenceNode && below.IsList()):
			over(at, below)
		default:
			replace(at, node(v))
		}
	}
}

// find returns the value of a key, or the element of an index.
func find(in *yaml.Node, key string) *yaml.Node {
	if in.Kind == yaml.SequenceNode {
		if i, err := strconv.Atoi(key); err == nil && i >= 0 && i < len(in.Content) {
			return in.Content[i]
		}
		return nil
	}
	for i := 0; i+1 < len(in.Content); i += 2 {
		if in.Content[i].Value == key {
			return in.Content[i+1]
		}
	}
	return nil
}

// replace puts a value in the place of another and keeps the comments around it.
func replace(at, with *yaml.Node) {
	with.HeadComment, with.LineComment, with.FootComment = at.HeadComment, at.LineComment, at.FootComment
	*at = *with
}
