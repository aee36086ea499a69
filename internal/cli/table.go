package cli

import (
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/spf13/cobra"
)

// column is one column of a table of T.
type column[T any] struct {
	name   string // as in --columns
	title  string
	value  func(T) string
	hidden bool // shown only when asked for
}

// tableOptions are the options of every command that prints a table.
type tableOptions struct {
	format   string
	columns  []string
	noHeader bool
}

func (o *tableOptions) addFlags(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringVar(&o.format, "format", "table", "table, json, csv, tsv or plain")
	f.StringSliceVarP(&o.columns, "columns", "c", nil, "columns to show; +NAME adds one")
	f.BoolVar(&o.noHeader, "no-header", false, "omit the header line")
}

// printTable writes rows in the format that was asked for. JSON without --columns is the
// API's own, whole.
func printTable[T any](c *program, o tableOptions, columns []column[T], rows []T) error {
	chosen, err := chooseColumns(o.columns, columns)
	if err != nil {
		return err
	}
	if o.format == "json" && len(o.columns) == 0 {
		return printJSON(c.out, rows)
	}
	titles := make([]string, len(chosen))
	for i, col := range chosen {
		titles[i] = col.title
	}
	cells := make([][]string, len(rows))
	for i, row := range rows {
		for _, col := range chosen {
			cells[i] = append(cells[i], col.value(row))
		}
	}
	switch o.format {
	case "json":
		return printJSON(c.out, objects(chosen, cells))
	case "csv", "tsv":
		return writeSeparated(c.out, o, titles, cells)
	case "plain":
		return writePlain(c.out, o, titles, cells)
	case "table":
		return writeAligned(c.out, c.width(c.out), o, titles, cells)
	default:
		return usageError("use table, json, csv, tsv or plain", "unknown format %q", o.format)
	}
}

// chooseColumns returns the columns that --columns names, or those shown by default.
func chooseColumns[T any](names []string, all []column[T]) ([]column[T], error) {
	var chosen []column[T]
	if len(names) == 0 || strings.HasPrefix(names[0], "+") {
		for _, col := range all {
			if !col.hidden {
				chosen = append(chosen, col)
			}
		}
	}
	for _, name := range names {
		name = strings.ToLower(strings.TrimPrefix(strings.TrimSpace(name), "+"))
		i := slices.IndexFunc(all, func(col column[T]) bool { return col.name == name })
		if i < 0 {
			var known []string
			for _, col := range all {
				known = append(known, col.name)
			}
			return nil, usageError("the columns are "+strings.Join(known, ", "), "unknown column %q", name)
		}
		chosen = append(chosen, all[i])
	}
	return chosen, nil
}

func objects[T any](columns []column[T], cells [][]string) []map[string]string {
	out := make([]map[string]string, len(cells))
	for i, row := range cells {
		out[i] = map[string]string{}
		for j, col := range columns {
			out[i][col.name] = row[j]
		}
	}
	return out
}

func printJSON(w io.Writer, v any) error {
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if err := enc.Encode(v); err != nil {
		return fmt.Errorf("write JSON: %w", err)
	}
	return nil
}

func writeSeparated(w io.Writer, o tableOptions, titles []string, cells [][]string) error {
	out := csv.NewWriter(w)
	if o.format == "tsv" {
		out.Comma = '\t'
	}
	if !o.noHeader {
		cells = slices.Insert(slices.Clone(cells), 0, titles)
	}
	if err := out.WriteAll(cells); err != nil {
		return fmt.Errorf("write table: %w", err)
	}
	return nil
}

// writePlain separates cells by tabs and quotes nothing, for cut and awk.
func writePlain(w io.Writer, o tableOptions, titles []string, cells [][]string) error {
	if !o.noHeader {
		cells = slices.Insert(slices.Clone(cells), 0, titles)
	}
	var b strings.Builder
	for _, row := range cells {
		for i, cell := range row {
			if i > 0 {
				b.WriteByte('\t')
			}
			b.WriteString(oneLine(cell))
		}
		b.WriteByte('\n')
	}
	return writeText(w, b.String())
}

func writeText(w io.Writer, text string) error {
	if _, err := io.WriteString(w, text); err != nil {
		return fmt.Errorf("write output: %w", err)
	}
	return nil
}

// oneLine makes a cell a single line that does not steer the terminal.
func oneLine(s string) string {
	return strings.NewReplacer("\n", " ", "\t", " ").Replace(printable(s))
}

const columnGap = 2

// writeAligned pads columns. When the lines would not fit, the widest columns give way
// until they do, and a cut cell ends in "…".
func writeAligned(w io.Writer, width int, o tableOptions, titles []string, cells [][]string) error {
	lines := make([][]string, 0, len(cells)+1)
	if !o.noHeader {
		head := make([]string, len(titles))
		for i, t := range titles {
			head[i] = strings.ToUpper(t)
		}
		lines = append(lines, head)
	}
	for _, row := range cells {
		line := make([]string, len(row))
		for i, cell := range row {
			line[i] = oneLine(cell)
		}
		lines = append(lines, line)
	}
	widths := columnWidths(lines, len(titles))
	if width > 0 {
		shrink(widths, width-columnGap*(len(widths)-1))
	}
	var b strings.Builder
	for _, line := range lines {
		var text strings.Builder
		for i, cell := range line {
			text.WriteString(pad(cell, widths[i]))
			text.WriteString(strings.Repeat(" ", columnGap))
		}
		b.WriteString(strings.TrimRight(text.String(), " "))
		b.WriteByte('\n')
	}
	return writeText(w, b.String())
}

func columnWidths(lines [][]string, columns int) []int {
	widths := make([]int, columns)
	for _, line := range lines {
		for i, cell := range line {
			widths[i] = max(widths[i], utf8.RuneCountInString(cell))
		}
	}
	return widths
}

const minColumn = 6

// shrink takes characters from the widest column until all fit or none can give more.
func shrink(widths []int, room int) {
	total := 0
	for _, n := range widths {
		total += n
	}
	for ; total > room; total-- {
		widest := 0
		for i, n := range widths {
			if n > widths[widest] {
				widest = i
			}
		}
		if widths[widest] <= minColumn {
			return
		}
		widths[widest]--
	}
}

// pad makes a cell exactly n characters wide.
func pad(cell string, n int) string {
	runes := []rune(cell)
	if len(runes) > n {
		return string(runes[:n-1]) + "…"
	}
	return cell + strings.Repeat(" ", n-len(runes))
}
