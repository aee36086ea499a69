package dbdump

import (
	"bytes"
	"io"
	"regexp"
)

// definers passes a dump on without the accounts that views and triggers belong to, which
// need not exist where it is read back. They stand in comments at the start of lines; data
// is not looked at.
type definers struct {
	w       io.Writer
	line    []byte // the start of a line that may have one
	passing bool   // the rest of the line has none
}

// maxDefinition bounds a line that may have a definer, in bytes.
const maxDefinition = 64 << 10

// Write takes a part of the dump.
func (d *definers) Write(p []byte) (int, error) {
	for rest := p; len(rest) > 0; {
		part := rest
		end := bytes.IndexByte(rest, '\n')
		if end >= 0 {
			part = rest[:end+1]
		}
		rest = rest[len(part):]
		if err := d.add(part, end >= 0); err != nil {
			return 0, err
		}
	}
	return len(p), nil
}

// add takes a line or a part of one.
func (d *definers) add(part []byte, ends bool) error {
	if d.passing {
		d.passing = !ends
		_, err := d.w.Write(part)
		return err
	}
	d.line = append(d.line, part...)
	if !ends && len(d.line) < maxDefinition && mayDefine(d.line) {
		return nil
	}
	d.passing = !ends
	return d.end()
}

var definer = regexp.MustCompile("DEFINER\\s*=\\s*(`[^`]*`|'[^']*')@(`[^`]*`|'[^']*') ?")

// end writes what is kept back.
func (d *definers) end() error {
	line := d.line
	d.line = nil
	if mayDefine(line) {
		line = definer.ReplaceAll(line, nil)
	}
	_, err := d.w.Write(line)
	return err
}

func mayDefine(line []byte) bool {
	for _, begins := range [][]byte{[]byte("/*!"), []byte("CREATE ")} {
		n := min(len(begins), len(line))
		if bytes.Equal(line[:n], begins[:n]) {
			return true
		}
	}
	return false
}
