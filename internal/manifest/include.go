package manifest

import (
	"archive/tar"
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"
)

// include resolves !include: a path, or a map with type and path,
// relative to the file's base directory, which it may not leave; and !archive.
func (c *converter) include(y *yaml.Node, pos Position) *node {
	name, how, ok := c.includeArguments(y, pos)
	if !ok {
		return nothing(pos)
	}
	full := path.Join(c.base, name)
	if name == "" || path.IsAbs(name) || strings.Contains(name, `\`) || !inside(c.base, full) {
		c.add(unreadable(pos, name, fs.ErrInvalid))
		return nothing(pos)
	}
	n, err := c.included(full, how, pos)
	if err != nil {
		d := unreadable(pos, full, err)
		if c.partial && errors.Is(err, fs.ErrNotExist) {
			d.Severity = SeverityNotice
		}
		c.add(d)
		return nothing(pos)
	}
	return n
}

// includeArguments reads "!include path", "!include {type, path}" and "!archive path".
func (c *converter) includeArguments(y *yaml.Node, pos Position) (name, how string, ok bool) {
	if y.Tag == "!archive" {
		if y.Kind != yaml.ScalarNode {
			c.mistake(pos, "include-arguments", "!archive needs the path of a directory", "", "write !archive \"directory\"")
			return "", "", false
		}
		return y.Value, "archive", true
	}
	if y.Kind == yaml.ScalarNode {
		return y.Value, "yaml", true
	}
	how = "yaml"
	for i := 0; y.Kind == yaml.MappingNode && i+1 < len(y.Content); i += 2 {
		key, value := y.Content[i], y.Content[i+1].Value
		switch key.Value {
		case "path":
			name = value
		case "type":
			how = value
		default:
			c.mistake(c.place(key.Line, key.Column), "unknown-key", fmt.Sprintf("unknown key %s in !include", show(key.Value)), "", didYouMean(key.Value, []string{"path", "type"}))
		}
	}
	types := []string{"yaml", "string", "binary"}
	switch {
	case name == "":
		c.mistake(pos, "include-arguments", "!include needs a path", "", "write !include {type: string, path: file}")
	case how != "yaml" && how != "string" && how != "binary":
		c.mistake(pos, "include-arguments", fmt.Sprintf("unknown type %s of !include", show(how)), "", didYouMean(how, types))
	default:
		return name, how, true
	}
	return "", "", false
}

func inside(base, full string) bool {
	return base == "." && full != ".." && !strings.HasPrefix(full, "../") || full == base || strings.HasPrefix(full, base+"/")
}

// included reads what an include names.
func (c *converter) included(full, how string, pos Position) (*node, error) {
	if how == "archive" {
		text, err := c.archive(full, pos)
		return c.textNode(pos, text), err
	}
	data, err := c.source.file(full)
	if err != nil {
		return nil, err
	}
	switch how {
	case "string":
		return c.textNode(pos, string(bytes.ToValidUTF8(data, []byte("\uFFFD")))), nil
	case "binary":
		return c.textNode(pos, base64.StdEncoding.EncodeToString(data)), nil
	}
	if c.includes >= maxIncludes {
		c.mistake(pos, "include-depth", fmt.Sprintf("includes nest deeper than %d", maxIncludes), "does a file include itself?", "")
		return nothing(pos), nil
	}
	inner := &converter{source: c.source, file: full, base: c.base, includes: c.includes + 1, constants: c.constants}
	if n := inner.document(data); n != nil {
		return n, nil
	}
	return nothing(pos), nil
}

func (c *converter) textNode(pos Position, text string) *node {
	cost := costOfText(text)
	if !c.spend(cost, pos) {
		return nothing(pos)
	}
	return &node{pos: pos, kind: kindText, text: text, quoted: true, value: text, weight: 1 + cost}
}

// archive returns a directory's regular files as a tar, in base64. The result depends on
// names and contents only.
func (c *converter) archive(dir string, pos Position) (string, error) {
	if info, err := c.stat(dir); err != nil {
		return "", err
	} else if !info.IsDir() {
		return "", errNotFile
	}
	var out bytes.Buffer
	tw := tar.NewWriter(&out)
	err := fs.WalkDir(c.fsys, dir, func(name string, d fs.DirEntry, err error) error {
		if !c.spend(1, pos) {
			return fs.SkipAll
		}
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		data, err := c.source.file(name)
		if err != nil {
			return err
		}
		header := &tar.Header{Name: strings.TrimPrefix(name, dir+"/"), Mode: 0o644, Size: int64(len(data)), ModTime: time.Unix(0, 0)}
		if err := tw.WriteHeader(header); err != nil {
			return err
		}
		_, err = tw.Write(data)
		return err
	})
	if err != nil {
		return "", err
	}
	if err := tw.Close(); err != nil {
		return "", err
	}
	return base64.StdEncoding.EncodeToString(out.Bytes()), nil
}
