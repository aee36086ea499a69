// Package phpfile reads and writes PHP array files of the application, app/etc/env.php and
// app/etc/config.php: at once, and only when something changes. What the keys mean is not
// known here.
package phpfile

import (
	"fmt"

	"sluice/internal/toolkit/phparray"
	"sluice/internal/toolkit/tree"
)

// File is one PHP array file of a tree.
type File struct {
	Tree *tree.Tree
	Name string
}

// Read returns the content. A file that is missing or returns nothing is an empty array;
// one that is no plain array is an error that names line and column.
func (f File) Read() (*phparray.Array, error) {
	text, err := f.Tree.ReadOrNothing(f.Name)
	if err != nil {
		return nil, err
	}
	a, err := phparray.Parse(f.Name, text)
	if err != nil {
		return nil, fmt.Errorf("%w; the file was not changed", err)
	}
	return a, nil
}

// Update puts a change over the content, the "update" of the specification: a deep replace
// (spec: ece-tools 5.0).
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

// Write replaces the whole file.
func (f File) Write(a *phparray.Array) error {
	return f.Tree.Write(f.Name, phparray.Export(a))
}
