package phpfile

import (
	"errors"
	"fmt"

	"sluice/internal/toolkit/fault"
	"sluice/internal/toolkit/journal"
	"sluice/internal/toolkit/phparray"
	"sluice/internal/toolkit/tree"
)

// File is one PHP array file of a tree. All fields are set.
type File struct {
	Tree *tree.Tree
	Name string
	PHP  Evaluator
	Log  *journal.Logger
}

// Read returns the content. A file that is missing or returns nothing is an empty array. One
// that only PHP can read (function calls, variables, use, heredoc) is read by PHP. An error
// names line and column, and what PHP says; the file was not changed then.
func (f File) Read() (*phparray.Array, error) {
	text, err := f.Tree.ReadOrNothing(f.Name)
	if err != nil {
		return nil, err
	}
	a, err := phparray.Parse(f.Name, text)
	if err == nil {
		return a, nil
	}
	if a, phpErr := f.PHP(f.Name); phpErr == nil {
		return a, nil
	} else if !errors.Is(phpErr, errNoPHP) {
		err = fmt.Errorf("%w; %w", err, phpErr)
	}
	return nil, &fault.Fault{
		Message:    err.Error() + "; the file was not changed",
		Suggestion: "Correct " + f.Name + ": `php -l " + f.Name + "` checks it, and it has to return an array of plain values.",
		Err:        err,
	}
}

// Update puts a change over the content: arrays are merged at every depth, other values are
// replaced.
func (f File) Update(change *phparray.Array) error {
	return f.Edit(func(a *phparray.Array) *phparray.Array { return phparray.Replace(a, change) })
}

// Edit replaces the content by what change makes of it; change may alter its argument. The
// file is left alone when nothing changes, so that its time and format stay too.
func (f File) Edit(change func(*phparray.Array) *phparray.Array) error {
	before, err := f.Read()
	if err != nil {
		return err
	}
	after := change(before.Clone())
	if after.Equal(before) && f.Tree.Exists(f.Name) {
		return nil
	}
	return f.Write(after)
}

// CodeSuffix is added to the name of a file whose PHP code was replaced by its values.
const CodeSuffix = ".code"

// Write replaces the whole file. PHP code in it cannot be kept beside a changed value, as
// Magento's own commands cannot keep it: it is saved under another name first, and a warning
// says so.
func (f File) Write(a *phparray.Array) error {
	text, code, err := f.code()
	if err != nil {
		return err
	}
	if code != nil {
		if err := f.Tree.Write(f.Name+CodeSuffix, text); err != nil {
			return fmt.Errorf("save the PHP code of %s: %w; the file was not changed", f.Name, err)
		}
		f.Log.Warningf("%s contains PHP code (%v). The values that it has now were written in its place; the code was saved as %s%s.", f.Name, code, f.Name, CodeSuffix)
	}
	return f.Tree.Write(f.Name, phparray.Export(a))
}

// code returns the content of the file, and where code is in it.
func (f File) code() (text []byte, code *phparray.SyntaxError, err error) {
	if text, err = f.Tree.ReadOrNothing(f.Name); err != nil {
		return nil, nil, err
	}
	_, err = phparray.Parse(f.Name, text)
	code, _ = errors.AsType[*phparray.SyntaxError](err)
	return text, code, nil
}
