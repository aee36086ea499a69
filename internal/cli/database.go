package cli

import (
	"context"
	"io"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"sluice/apiv1"
)

// databaseOptions choose the database of a command.
type databaseOptions struct {
	relationship string
	schema       string
}

func (o *databaseOptions) addFlags(cmd *cobra.Command) {
	cmd.Flags().StringVarP(&o.relationship, "relationship", "r", "", "the relationship to the database, where there are several")
	cmd.Flags().StringVar(&o.schema, "schema", "", "the schema (default: the relationship's own)")
}

// dumpOptions are those of db:dump.
type dumpOptions struct {
	databaseOptions
	apiv1.DatabaseDump

	file      string
	directory string
	timestamp bool
	stdout    bool
}

func (c *program) dbDump() *cobra.Command {
	var o dumpOptions
	cmd := &cobra.Command{
		Use:     "db:dump",
		Aliases: []string{"sql-dump", "environment:sql-dump"},
		Short:   "Dump a database to a file",
		Long: "Writes a consistent dump of a database, as SQL, to a file of the current directory. A dump that fails leaves no file, " +
			"and an existing file is replaced only by a complete dump.",
		Example: "  sluice db:dump -z\n  sluice db:dump --exclude-table cache,session -o | gzip > dump.sql.gz",
		Args:    positional(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			s, err := c.selectEnvironment(cmd.Context())
			if err != nil {
				return err
			}
			if o.stdout {
				return c.dump(cmd.Context(), s, o, c.out)
			}
			return c.dumpToFile(cmd.Context(), s, o)
		},
	}
	o.addFlags(cmd)
	f := cmd.Flags()
	f.StringVarP(&o.file, "file", "f", "", "the file to write")
	f.StringVarP(&o.directory, "directory", "d", "", "the directory of the file")
	f.BoolVarP(&o.Gzip, "gzip", "z", false, "compress the dump")
	f.BoolVarP(&o.timestamp, "timestamp", "t", false, "add the time to the name of the file")
	f.BoolVarP(&o.stdout, "stdout", "o", false, "write to standard output instead of a file")
	f.StringSliceVar(&o.Tables, "table", nil, "dump these tables only")
	f.StringSliceVar(&o.Exclude, "exclude-table", nil, "leave these tables out")
	f.BoolVar(&o.SchemaOnly, "schema-only", false, "dump the definitions of the tables, without their rows")
	f.StringVar(&o.Charset, "charset", "", "the character set (default: utf8mb4)")
	cmd.MarkFlagsMutuallyExclusive("stdout", "file")
	cmd.MarkFlagsMutuallyExclusive("stdout", "timestamp")
	return cmd
}

// dump writes a dump to w.
func (c *program) dump(ctx context.Context, s selection, o dumpOptions, w io.Writer) error {
	code, err := s.Database(ctx, s.project, s.env, apiv1.DatabaseCommand{
		App: c.app, Relationship: o.relationship, Schema: o.schema, Dump: &o.DatabaseDump,
	}, apiv1.ExecStreams{Stdout: w, Stderr: c.err})
	if err == nil && code != 0 {
		err = fail(ExitFailure, "what the database server says stands above", "the dump failed with status %d and is not complete", code)
	}
	return err
}

// dumpToFile writes a dump beside its place and moves it there when it is complete.
func (c *program) dumpToFile(ctx context.Context, s selection, o dumpOptions) error {
	env, err := s.Environment(ctx, s.project, s.env)
	if err != nil {
		return err
	}
	target := filepath.Join(o.directory, firstOf(o.file, o.filename(env)))
	if filepath.IsAbs(o.file) {
		target = o.file
	}
	if err := c.confirmReplacement(target); err != nil {
		return err
	}
	if o.Gzip {
		c.note("Creating gzip-compressed SQL dump file: %s", target)
	} else {
		c.note("Creating SQL dump file: %s", target)
	}
	return writeWhole(target, func(w io.Writer) error { return c.dump(ctx, s, o, w) })
}

// maxDumpName bounds the name of a file that many tables are part of.
const maxDumpName = 200

// filename is the name that the platform's own client gives a dump.
func (o dumpOptions) filename(env apiv1.Environment) string {
	parts := []string{env.Project, env.MachineName}
	for _, part := range []string{o.relationship, o.schema, strings.Join(o.Tables, ",")} {
		if part != "" {
			parts = append(parts, part)
		}
	}
	if len(o.Exclude) > 0 {
		parts = append(parts, "excl-"+strings.Join(o.Exclude, ","))
	}
	if o.SchemaOnly {
		parts = append(parts, "schema")
	}
	if o.timestamp {
		parts = append(parts, time.Now().UTC().Format("20060102-150405"))
	}
	name := strings.NewReplacer("/", "-", `\`, "-").Replace(strings.Join(parts, "--"))
	name = name[:min(len(name), maxDumpName)] + "--dump.sql"
	if o.Gzip {
		name += ".gz"
	}
	return name
}

func (c *program) dbSQL() *cobra.Command {
	var (
		o   databaseOptions
		raw bool
	)
	cmd := &cobra.Command{
		Use:     "db:sql [QUERY]",
		Aliases: []string{"sql", "environment:sql"},
		Short:   "Run SQL in a database",
		Long: "Runs a query, or else what comes on standard input; on a terminal it is an interactive client. It runs with the rights of " +
			"the relationship.",
		Example: "  sluice db:sql 'SELECT COUNT(*) FROM sales_order'\n  sluice db:sql < dump.sql",
		Args:    positional(cobra.MaximumNArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			s, err := c.selectEnvironment(cmd.Context())
			if err != nil {
				return err
			}
			command := apiv1.DatabaseCommand{
				App: c.app, Relationship: o.relationship, Schema: o.schema, Query: strings.Join(args, ""), Raw: raw,
			}
			code, err := c.onTerminal(cmd.Context(), command.Query == "", func(ctx context.Context, tty bool, size *apiv1.Size, streams apiv1.ExecStreams) (int, error) {
				command.TTY, command.Size = tty, size
				return s.Database(ctx, s.project, s.env, command, streams)
			})
			if err == nil && code != 0 {
				err = statusError(code)
			}
			return err
		},
	}
	o.addFlags(cmd)
	cmd.Flags().BoolVar(&raw, "raw", false, "print values only, separated by tabs")
	return cmd
}
