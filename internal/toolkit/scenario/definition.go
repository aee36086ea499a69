package scenario

import "fmt"

// Definition is a scenario as files describe it, not yet resolved to code.
type Definition struct {
	Steps    []*Entry
	Actions  []*Entry // of onFail
	Warnings []string // what the files have that is not read, as file:line:column: text
}

// Entry is a step or an action.
type Entry struct {
	Name        string
	Type        string // class name, service id or "shell"
	Priority    int
	HasPriority bool
	Skip        bool
	Arguments   []*Param
	From        string // file:line:column of the last file that names it
	changed     bool   // a later file gave another type
}

// Param is an argument of a step or an item of an array.
type Param struct {
	Name     string
	Kind     string // xsi:type: object, string, array or shell
	Text     string // of object, string and shell
	Items    []*Param
	Priority int // of items
	Skip     bool
	pos      position
}

// The kinds of arguments and items; shell is ours.
const (
	kindObject = "object"
	kindString = "string"
	kindArray  = "array"
	kindShell  = "shell"
)

// lastPriority is that of items and entries without one.
const lastPriority = 10000

// position is a place in a file.
type position struct {
	path         string
	line, column int
}

func (p position) String() string { return fmt.Sprintf("%s:%d:%d", p.path, p.line, p.column) }

// FileError is a mistake in a scenario file.
type FileError struct {
	At      string // file:line:column
	Message string
}

// Error returns the place and the message.
func (e *FileError) Error() string { return e.At + ": " + e.Message }

func (p position) errorf(format string, args ...any) error {
	return &FileError{At: p.String(), Message: fmt.Sprintf(format, args...)}
}
