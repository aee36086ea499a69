package sanitize

import (
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"strings"

	"sluice/internal/toolkit/components"
)

// maxXML bounds a file of a module, in bytes.
const maxXML = 8 << 20

// declaredSecrets returns the configuration paths that the modules of a tree declare as
// secret: stored encrypted, entered as a password, or listed as sensitive.
func declaredSecrets(tree fs.FS) (map[string]bool, error) {
	files, err := components.Files(tree)
	if err != nil {
		return nil, err
	}
	out := map[string]bool{}
	for _, registration := range files {
		dir := path.Join(path.Dir(registration), "etc")
		for name, read := range map[string]func([]xml.StartElement, string) string{
			"adminhtml/system.xml": systemSecret, "config.xml": configSecret, "di.xml": sensitive, "adminhtml/di.xml": sensitive,
		} {
			if err := readXML(tree, path.Join(dir, name), read, out); err != nil {
				return nil, err
			}
		}
	}
	return out, nil
}

// readXML calls a function for every element, with its ancestors and itself and the text before its first
// child, and collects the paths that it returns.
func readXML(tree fs.FS, name string, secret func([]xml.StartElement, string) string, out map[string]bool) (err error) {
	f, err := tree.Open(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	d := xml.NewDecoder(io.LimitReader(f, maxXML))
	d.CharsetReader = func(_ string, r io.Reader) (io.Reader, error) { return r, nil }
	var stack []xml.StartElement
	for {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		switch token := token.(type) {
		case xml.StartElement:
			stack = append(stack, token.Copy())
			if found := secret(stack, ""); found != "" {
				out[found] = true
			}
		case xml.CharData:
			if text := strings.TrimSpace(string(token)); text != "" && len(stack) > 0 {
				if found := secret(stack, text); found != "" {
					out[found] = true
				}
			}
		case xml.EndElement:
			stack = stack[:len(stack)-1]
		}
	}
}

func attribute(e xml.StartElement, name string) string {
	for _, a := range e.Attr {
		if a.Name.Local == name {
			return a.Value
		}
	}
	return ""
}

// systemSecret finds fields of system.xml whose model encrypts, or that are entered as passwords.
func systemSecret(stack []xml.StartElement, text string) string {
	last := stack[len(stack)-1]
	password := text == "" && last.Name.Local == "field" && (attribute(last, "type") == "password" || attribute(last, "type") == "obscure")
	model := last.Name.Local == "backend_model" && strings.Contains(text, "Encrypted")
	override := last.Name.Local == "config_path" && text != "" && len(stack) > 1 && strings.HasPrefix(attribute(stack[len(stack)-2], "type"), "obscure")
	if override {
		return text
	}
	if !password && !model {
		return ""
	}
	var parts []string
	for _, e := range stack {
		if n := e.Name.Local; n == "section" || n == "group" || n == "field" {
			parts = append(parts, attribute(e, "id"))
		}
	}
	return strings.Join(parts, "/")
}

// configSecret finds elements of config.xml whose model encrypts.
func configSecret(stack []xml.StartElement, text string) string {
	if text != "" || len(stack) < 4 || !strings.Contains(attribute(stack[len(stack)-1], "backend_model"), "Encrypted") {
		return ""
	}
	from := 2
	if n := stack[1].Name.Local; n == "websites" || n == "stores" {
		from = 3
	}
	var parts []string
	for _, e := range stack[from:] {
		parts = append(parts, e.Name.Local)
	}
	return strings.Join(parts, "/")
}

// sensitive finds the paths that di.xml lists as sensitive.
func sensitive(stack []xml.StartElement, text string) string {
	if text == "0" || text == "false" || text == "" || len(stack) < 3 {
		return ""
	}
	item, list := stack[len(stack)-1], stack[len(stack)-2]
	if item.Name.Local != "item" || list.Name.Local != "argument" || attribute(list, "name") != "sensitive" {
		return ""
	}
	return attribute(item, "name")
}
