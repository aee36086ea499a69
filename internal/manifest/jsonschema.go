package manifest

import (
	"strconv"
	"strings"
)

// Schema is a JSON Schema of one configuration file.
type Schema struct {
	// Name is the file's name under docs/schema.
	Name string
	// File is the configuration file that it describes.
	File string
	JSON []byte
}

// Schemas returns the JSON Schemas of all files, made of the same tables as the checks.
// They know types, keys, allowed values and patterns; what needs other files is left to
// Parse.
func Schemas() []Schema {
	files := configurationFiles()
	out := make([]Schema, 0, len(files))
	for _, f := range files {
		doc := f.shape.jsonSchema()
		doc["$schema"] = "https://json-schema.org/draft/2020-12/schema"
		doc["title"] = f.file
		out = append(out, Schema{Name: f.schema, File: f.file, JSON: indented(doc)})
	}
	return out
}

func indented(doc map[string]any) []byte {
	var b strings.Builder
	if err := writeIndented(&b, doc); err != nil {
		return nil // the tables hold texts, numbers and booleans only
	}
	return []byte(b.String())
}

// jsonSchema returns the schema of a value: any of its notations, or null, which stands
// for "not given" everywhere.
func (s *shape) jsonSchema() map[string]any {
	forms := s.forms()
	if len(forms) == 1 {
		return s.formSchema()
	}
	notations := make([]any, 0, len(forms))
	for _, f := range forms {
		notations = append(notations, f.formSchema())
	}
	return map[string]any{"anyOf": notations}
}

func (s *shape) formSchema() map[string]any {
	out := map[string]any{"type": s.jsonTypes()}
	if s.lowest != nil {
		out["minimum"] = *s.lowest
	}
	if s.highest != nil {
		out["maximum"] = *s.highest
	}
	if len(s.allowed) > 0 {
		values := []any{nil}
		for _, v := range s.allowed {
			if n, err := strconv.Atoi(v); err == nil && s.kinds == kindInt {
				values = append(values, n)
			} else {
				values = append(values, v)
			}
		}
		out["enum"] = values
	} else if s.format != nil {
		s.format.describe(out)
	}
	if s.kinds&kindList != 0 && s.values != nil {
		out["items"] = s.values.jsonSchema()
	}
	if s.kinds&kindMap != 0 {
		s.mapSchema(out)
	}
	if s.schema != nil {
		s.schema(out)
	}
	return out
}

// describe adds the patterns of the format to the schema of a text.
func (f *format) describe(out map[string]any) {
	out["pattern"] = f.pattern
	if f.never != "" {
		out["not"] = map[string]any{"pattern": f.never}
	}
}

func (s *shape) mapSchema(out map[string]any) {
	switch {
	case s.props != nil:
		properties, required := map[string]any{}, []any{}
		for _, p := range s.props {
			properties[p.key] = p.jsonSchema()
			if p.required {
				required = append(required, p.key)
			}
		}
		out["properties"] = properties
		out["patternProperties"] = map[string]any{`^(x-|\.)`: map[string]any{}}
		out["additionalProperties"] = s.unknown != ""
		if len(required) > 0 {
			out["required"] = required
		}
	case s.values != nil:
		out["additionalProperties"] = s.values.jsonSchema()
		if s.keys != nil {
			names := map[string]any{}
			s.keys.describe(names)
			out["propertyNames"] = names
		}
	}
}

func (p property) jsonSchema() map[string]any {
	out := p.shape.jsonSchema()
	description := p.doc
	switch p.currentStatus() {
	case StatusDone:
	case StatusIgnored:
		description += " Ignored: " + p.note + "."
		out["deprecated"] = true
	case StatusRefused:
		out = map[string]any{"type": []any{"null"}}
		description += " Refused: " + p.note + "."
	}
	if p.fallback != "" {
		description += " Default: " + p.fallback + "."
	}
	out["description"] = strings.TrimSpace(description)
	return out
}

// jsonTypes lists the JSON types of a shape. Where text is wanted a number is taken as
// written, so it is allowed as well.
func (s *shape) jsonTypes() []any {
	types := []any{"null"}
	if s.kinds&kindText != 0 {
		types = append(types, "string")
		if s.format == nil && len(s.allowed) == 0 || s.format != nil && s.format.name == "duration" {
			types = append(types, "number", "boolean")
		}
	}
	for _, t := range []struct {
		kind kind
		name string
	}{{kindBool, "boolean"}, {kindInt, "integer"}, {kindFloat, "number"}, {kindList, "array"}, {kindMap, "object"}} {
		if s.kinds&t.kind != 0 && !containsAny(types, t.name) {
			types = append(types, t.name)
		}
	}
	return types
}

func containsAny(list []any, s string) bool {
	for _, v := range list {
		if v == s {
			return true
		}
	}
	return false
}
