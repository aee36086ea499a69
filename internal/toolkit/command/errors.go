package command

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"sluice/internal/toolkit/fault"
	"sluice/internal/toolkit/journal"
	"sluice/internal/toolkit/tree"
)

// errorCommands explain error codes.
func errorCommands(p Process) []*cobra.Command {
	asJSON, all := false, false
	show := &cobra.Command{
		Use: "error:show [error-code]", Short: "Explains an error code, or the errors of the last deployment", Args: cobra.MaximumNArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			entries, err := asked(p, args, all)
			if err != nil {
				return err
			}
			if asJSON {
				return writeErrorsJSON(c.OutOrStdout(), entries)
			}
			return writeErrors(c.OutOrStdout(), entries)
		},
	}
	show.Flags().BoolVarP(&asJSON, "json", "j", false, "Print JSON, by code")
	show.Flags().BoolVarP(&all, "all", "a", false, "Explain all error codes")
	return []*cobra.Command{show}
}

// asked returns the entries that the arguments ask for: of one code, of all, or those of
// cloud.error.log.
func asked(p Process, args []string, all bool) ([]journal.Entry, error) {
	code := 0
	if len(args) > 0 {
		var err error
		if code, err = strconv.Atoi(args[0]); err != nil {
			return nil, fmt.Errorf("an error code is a number, not %q", args[0])
		}
	}
	switch {
	case code != 0:
		e, ok := journal.EntryOf(code)
		if !ok {
			return nil, fmt.Errorf("Error with code %d is not registered in the error schema", code)
		}
		return []journal.Entry{e}, nil
	case all:
		var entries []journal.Entry
		for _, known := range fault.Entries() {
			e, _ := journal.EntryOf(known.Code)
			entries = append(entries, e)
		}
		return entries, nil
	}
	t, err := tree.Open(p.root())
	if err != nil {
		return nil, err
	}
	text, err := t.ReadOrNothing(tree.ErrorLog)
	if err != nil {
		return nil, err
	}
	entries := journal.ParseErrorLog(text)
	if len(entries) == 0 {
		return nil, errors.New("The error log is empty or does not exist")
	}
	return entries, t.Close()
}

func writeErrors(w io.Writer, entries []journal.Entry) error {
	var b strings.Builder
	for i, e := range entries {
		if i > 0 {
			b.WriteString(strings.Repeat("-", 15) + "\n\n")
		}
		for _, f := range e.Fields() {
			b.WriteString(f[0] + ": " + f[1] + "\n")
		}
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// writeErrorsJSON writes an object whose keys are the codes, in the order of the entries.
func writeErrorsJSON(w io.Writer, entries []journal.Entry) error {
	var b bytes.Buffer
	b.WriteByte('{')
	for i, e := range entries {
		if i > 0 {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, "%q:", strconv.Itoa(e.ErrorCode))
		enc := json.NewEncoder(&b)
		enc.SetEscapeHTML(false)
		if err := enc.Encode(e); err != nil {
			return err
		}
	}
	b.WriteByte('}')
	var out bytes.Buffer
	if err := json.Indent(&out, b.Bytes(), "", "    "); err != nil {
		return err
	}
	_, err := fmt.Fprintln(w, out.String())
	return err
}
