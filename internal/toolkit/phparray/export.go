package phparray

import (
	"bytes"
	"math"
	"strconv"
	"strings"
)

// Export returns a file that returns the array, in the long style of app/etc/env.php:
// array (…) with two spaces and a comma after every element, no newline at the end. What it writes, [Parse] reads back unchanged.
func Export(a *Array) []byte {
	var b bytes.Buffer
	b.WriteString("<?php\nreturn ")
	writeLong(&b, a, "")
	b.WriteString(";")
	return b.Bytes()
}

func writeLong(b *bytes.Buffer, a *Array, indent string) {
	b.WriteString("array (\n")
	for k, v := range a.All() {
		b.WriteString(indent + "  " + exportKey(k) + " => ")
		if sub, ok := v.(*Array); ok {
			b.WriteString("\n" + indent + "  ")
			writeLong(b, sub, indent+"  ")
		} else {
			b.WriteString(exportScalar(v, "NULL"))
		}
		b.WriteString(",\n")
	}
	b.WriteString(indent + ")")
}

// ExportShort returns a file that returns the array, in the short style of
// app/etc/config.php since Magento 2.2.5: […] with four spaces, no keys in lists, no comma
// after the last element, a newline at the end.
func ExportShort(a *Array) []byte {
	var b bytes.Buffer
	b.WriteString("<?php\nreturn ")
	writeShort(&b, a, "")
	b.WriteString(";\n")
	return b.Bytes()
}

func writeShort(b *bytes.Buffer, a *Array, indent string) {
	b.WriteString("[\n")
	list, first := a.IsList(), true
	for k, v := range a.All() {
		if !first {
			b.WriteString(",\n")
		}
		first = false
		b.WriteString(indent + "    ")
		if !list {
			b.WriteString(exportKey(k) + " => ")
		}
		if sub, ok := v.(*Array); ok {
			writeShort(b, sub, indent+"    ")
		} else {
			b.WriteString(exportScalar(v, "null"))
		}
	}
	b.WriteString("\n" + indent + "]")
}

func exportKey(k Key) string {
	if n, ok := k.Number(); ok {
		return exportInt(n)
	}
	return exportText(k.String())
}

func exportScalar(v any, null string) string {
	switch v := v.(type) {
	case bool:
		return strconv.FormatBool(v)
	case int:
		return exportInt(v)
	case float64:
		return exportFloat(v)
	case string:
		return exportText(v)
	default:
		return null
	}
}

// exportInt writes an integer. The smallest one has no literal in PHP.
func exportInt(n int) string {
	if n == math.MinInt {
		return "-9223372036854775807-1"
	}
	return strconv.Itoa(n)
}

// exportText writes a text in single quotes, zero bytes apart, as var_export does.
func exportText(s string) string {
	quoted := "'" + strings.NewReplacer(`\`, `\\`, `'`, `\'`).Replace(s) + "'"
	return strings.ReplaceAll(quoted, "\x00", `' . "\0" . '`)
}
