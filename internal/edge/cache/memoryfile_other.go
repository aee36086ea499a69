//go:build !linux

package cache

import (
	"errors"
	"os"
)

// memoryFile returns an error: this system has no such files.
func memoryFile() (*os.File, error) { return nil, errors.ErrUnsupported }
