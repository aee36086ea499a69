package platform

// Variable is one project or environment variable.
type Variable struct {
	Name           string // "env:X", "php:x" or a plain name
	Value          string // JSON text when JSON is set
	Environment    string // empty for a project variable
	JSON           bool
	Sensitive      bool // never shown again once written
	VisibleBuild   bool
	VisibleRuntime bool
	Inheritable    bool // environment variables only
	Enabled        bool // environment variables only; a disabled one hides an inherited one
}

// VariableChange changes the fields that are not nil.
type VariableChange struct {
	Value          *string
	JSON           *bool
	Sensitive      *bool
	VisibleBuild   *bool
	VisibleRuntime *bool
	Enabled        *bool
	Inheritable    *bool
}

// Apply returns the variable with the changes.
func (c VariableChange) Apply(v Variable) Variable {
	setField(&v.Value, c.Value)
	setField(&v.JSON, c.JSON)
	setField(&v.Sensitive, c.Sensitive)
	setField(&v.VisibleBuild, c.VisibleBuild)
	setField(&v.VisibleRuntime, c.VisibleRuntime)
	setField(&v.Enabled, c.Enabled)
	setField(&v.Inheritable, c.Inheritable)
	return v
}

func setField[T any](field *T, to *T) {
	if to != nil {
		*field = *to
	}
}
