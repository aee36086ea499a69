package manifest

import (
	"strconv"
	"strings"
)

// jsonSchemaFile is the JSON Schema of one configuration file.
type jsonSchemaFile struct {
	// Name is the file's name under docs/schema.
	Name string
	// File is the configuration file that it describes.
	File string
	JSON []byte
}

// schemas returns the JSON Schemas of all files, made of the same tables as the checks.
// They know types, keys, allowed values and patterns; what needs other files is left to
// Parse.
func schemas() []jsonSchemaFile {
	files := configurationFiles()
	out := make([]jsonSchemaFile, 0, len(files))
	for _, f := range files {
		doc := f.shape.jsonSchema()
		if doc["additionalProperties"] != nil && f.shape.values != nil {
			anchorsAtTop(doc)
		}
		if values, ok := doc["additionalProperties"].(map[string]any); ok && f.schema == "services.json" {
			configurationByType(values)
		}
		doc["$schema"] = "https://json-schema.org/draft/2020-12/schema"
		doc["title"] = f.file
		out = append(out, jsonSchemaFile{Name: f.schema, File: f.file, JSON: indented(doc)})
	}
	return out
}

// anchorKeys are the keys that are free for anchors.
const anchorKeys = `^(x-|\.)`

// anchorsAtTop lets a map with free keys have them as well.
func anchorsAtTop(doc map[string]any) {
	doc["patternProperties"] = map[string]any{anchorKeys: map[string]any{}}
	doc["propertyNames"] = map[string]any{"anyOf": []any{doc["propertyNames"], map[string]any{"pattern": anchorKeys}}}
}

// configurationByType describes the configuration of each type to editors.
func configurationByType(out map[string]any) {
	rule := func(types string, configuration *shape) map[string]any {
		return map[string]any{
			"if":   map[string]any{"properties": map[string]any{"type": map[string]any{"type": "string", "pattern": "^(" + types + "):"}}, "required": []any{"type"}},
			"then": map[string]any{"properties": map[string]any{"configuration": configuration.jsonSchema()}},
		}
	}
	out["allOf"] = []any{rule("mysql|mariadb", mysqlSchema()), rule("opensearch|elasticsearch", searchSchema()), rule("(redis|valkey)(-persistent)?", cacheServiceSchema()), rule("rabbitmq", queueServiceSchema())}
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
	if s.limit > 0 && s.kinds&kindList != 0 {
		out["maxItems"] = s.limit
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
		out["patternProperties"] = map[string]any{anchorKeys: map[string]any{}}
		out["additionalProperties"] = s.unknown != ""
		if len(required) > 0 {
			out["required"] = required
		}
	case s.values != nil:
		out["additionalProperties"] = s.values.jsonSchema()
		out["maxProperties"] = s.limit
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

// jsonTypes lists the JSON types of a shape. Where text is wanted a number is read as
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
