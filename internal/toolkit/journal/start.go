package journal

import (
	"bytes"
)

// Files are the log files of a tree.
type Files interface {
	ReadOrNothing(name string) ([]byte, error)
	Write(name string, content []byte) error
	Append(name string, content []byte) error
}

// Join brings the logs of the build into those of the environment, whose var/log is a
// mount that the build could not write to. It does so once for each
// build: the build's first line tells whether its log is there already.
func Join(files Files, log, buildLog, errorLog, buildErrorLog string) error {
	build, err := files.ReadOrNothing(buildLog)
	if err != nil {
		return err
	}
	if len(bytes.TrimSpace(build)) > 0 {
		current, err := files.ReadOrNothing(log)
		if err != nil {
			return err
		}
		first, _, _ := bytes.Cut(build, []byte("\n"))
		if !bytes.Contains(current, first) {
			if err := files.Append(log, build); err != nil {
				return err
			}
		}
	}
	build, err = files.ReadOrNothing(buildErrorLog)
	if err != nil || len(build) == 0 {
		return err
	}
	current, err := files.ReadOrNothing(errorLog)
	if err != nil || bytes.Contains(current, build) {
		return err
	}
	return files.Write(errorLog, build)
}
