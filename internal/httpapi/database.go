package httpapi

import (
	"compress/gzip"
	"context"
	"io"
	"net/http"
	"strings"

	"sluice/apiv1"
)

// database dumps a database or runs SQL in it, over the request's own connection as exec does.
func (a *api) database(w http.ResponseWriter, r *http.Request, s scope) error {
	var cmd apiv1.DatabaseCommand
	if err := readJSON(r, &cmd); err != nil {
		return err
	}
	if err := validDatabaseCommand(r, cmd); err != nil {
		return err
	}
	what := "db:sql"
	if cmd.Dump != nil {
		what = "db:dump"
	}
	return a.runIn(w, r, s, what, cmd.TTY, cmd.Size, func(ctx context.Context, stdin io.Reader, stdout, stderr io.Writer) (int, error) {
		run := func(out io.Writer) (int, error) {
			return a.Runner.Database(ctx, s.project.ID, s.env, cmd, stdin, out, stderr)
		}
		if cmd.Dump == nil || !cmd.Dump.Gzip {
			return run(stdout)
		}
		return compressed(stdout, run)
	})
}

// compressed writes the end of the compressed data only when the command succeeded, so that
// what a failed one wrote cannot be taken for all of it.
func compressed(out io.Writer, run func(io.Writer) (int, error)) (int, error) {
	zip := gzip.NewWriter(out)
	code, err := run(zip)
	if code == 0 && err == nil {
		err = zip.Close()
	}
	return code, err
}

func validDatabaseCommand(r *http.Request, cmd apiv1.DatabaseCommand) error {
	if err := validUpgrade(r); err != nil {
		return err
	}
	words := []string{cmd.Relationship, cmd.Schema, cmd.Query}
	if d := cmd.Dump; d != nil {
		if cmd.Query != "" || cmd.TTY {
			return invalid("query", "a dump takes no query and no terminal")
		}
		words = append(append(append(words, d.Charset), d.Tables...), d.Exclude...)
	}
	if len(words) > maxArguments {
		return invalid("dump", "a dump names at most %d tables", maxArguments)
	}
	for _, word := range words {
		if strings.ContainsRune(word, 0) {
			return invalid("dump", "a name cannot contain a NUL character")
		}
	}
	return nil
}
