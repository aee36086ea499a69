package platform

// Variable is one project or environment variable (spec: platform 4.6).
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
