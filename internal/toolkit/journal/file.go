package journal

import (
	"io"
	"os"
)

// Opener opens a file for appending.
type Opener func() (*os.File, error)

// File is a handler that appends lines to a file. It opens the file at its first record,
// so that a command that logs nothing needs no log directory.
type File struct {
	open   Opener
	file   *os.File
	closed bool // it could not be opened, and that was reported
}

// NewFile returns a File.
func NewFile(open Opener) *File { return &File{open: open} }

// Handle appends a record. A file that cannot be opened is an error once; the log must not
// end a deployment.
func (f *File) Handle(r Record) error {
	if f.closed {
		return nil
	}
	if f.file == nil {
		file, err := f.open()
		if err != nil {
			f.closed = true
			return err
		}
		f.file = file
	}
	_, err := io.WriteString(f.file, Line(r)+"\n")
	return err
}

// Close closes the file.
func (f *File) Close() error {
	if f.file == nil {
		return nil
	}
	return f.file.Close()
}
