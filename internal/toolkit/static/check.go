package static

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"regexp"
	"strconv"
	"strings"
)

// made is the content of one theme in one locale, as bin/magento reports it.
type made struct {
	path  string // AREA/VENDOR/THEME/LOCALE
	files int    // that it was said to consist of
}

// reported returns the packages that the output of setup:static-content:deploy says it
// made, each once, with the last number it gave.
func reported(output string) []made {
	progress := regexp.MustCompile(`\b((?:frontend|adminhtml)/[\w-]+/[\w.-]+/[A-Za-z]{2,3}_[A-Za-z_]+)\s+\d+/(\d+)\s`)
	var all []made
	at := map[string]int{}
	for _, m := range progress.FindAllStringSubmatch(output+"\n", -1) {
		files, err := strconv.Atoi(m[2])
		if err != nil {
			continue
		}
		if i, ok := at[m[1]]; ok {
			all[i].files = files
			continue
		}
		at[m[1]] = len(all)
		all = append(all, made{m[1], files})
	}
	return all
}

// Check tells whether a run that says that it succeeded did: bin/magento ends with 0
// when every file failed in its child processes, for example because the database's host
// has a port. output is what it printed, static the directory of the content. compact
// content shares most files, so that there only what is missing altogether is a fault.
func Check(output string, static fs.FS, compact bool) error {
	output = stripControl(output)
	if reported := failures(output); reported != "" {
		return fmt.Errorf("setup:static-content:deploy ended with 0 but reports errors: %s", reported)
	}
	for _, p := range reported(output) {
		n, err := count(static, p.path)
		if err != nil {
			return err
		}
		if n == 0 || !compact && n < p.files/2 {
			return fmt.Errorf("setup:static-content:deploy ended with 0 but pub/static/%s has %d files of about %d", p.path, n, p.files)
		}
	}
	return nil
}

// failures returns the first line that reports an error, shortened.
func failures(output string) string {
	for line := range strings.Lines(output) {
		line = strings.TrimSpace(line)
		for _, mark := range []string{"Error happened during deploy process", "Unable to deploy ", "PHP Fatal error"} {
			if _, rest, ok := strings.Cut(line, mark); ok {
				return clip(mark + rest)
			}
		}
	}
	return ""
}

var control = regexp.MustCompile("\x1b\\[[0-9;]*[A-Za-z]")

// stripControl puts a space where colours and cursor movements of a terminal are.
func stripControl(text string) string {
	return control.ReplaceAllString(text, " ")
}

func clip(text string) string {
	const most = 300
	if runes := []rune(text); len(runes) > most {
		return string(runes[:most]) + "…"
	}
	return text
}

func count(static fs.FS, dir string) (n int, err error) {
	err = fs.WalkDir(static, path.Clean(dir), func(_ string, e fs.DirEntry, err error) error {
		if err == nil && !e.IsDir() {
			n++
		}
		return err
	})
	if errors.Is(err, fs.ErrNotExist) {
		return 0, nil
	}
	return n, err
}
