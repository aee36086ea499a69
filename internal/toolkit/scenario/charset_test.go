package scenario

import (
	"strings"
	"testing"

	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/unicode"
)

// Scenario files as editors save them are read as libxml reads them.
func TestEncodings(t *testing.T) {
	const text = `<step name="größe" skip="true"/>`
	xml := func(declared string) string {
		return `<?xml version="1.0" encoding="` + declared + `"?>` + "\r\n<scenario>" + text + "</scenario>\r\n"
	}
	latin, err := charmap.ISO8859_1.NewEncoder().String(xml("ISO-8859-1"))
	if err != nil {
		t.Fatal(err)
	}
	wide, err := unicode.UTF16(unicode.LittleEndian, unicode.UseBOM).NewEncoder().String(xml("UTF-16"))
	if err != nil {
		t.Fatal(err)
	}
	for name, content := range map[string]string{
		"UTF-8": xml("utf-8"), "UTF-8 with BOM": "\xef\xbb\xbf" + xml("UTF-8"), "BOM without declaration": "\xef\xbb\xbf<scenario>" + text + "</scenario>",
		"ISO-8859-1": latin, "windows-1252": strings.Replace(latin, "ISO-8859-1", "Windows-1252", 1), "UTF-16": wide,
	} {
		def, err := Parse("a.xml", []byte(content))
		if err != nil {
			t.Errorf("%s: %v", name, err)
		} else if got := def.Steps[0].Name; got != "größe" {
			t.Errorf("%s: %q", name, got)
		}
	}
	_, err = Parse("a.xml", []byte(xml("EBCDIC-US")))
	if err == nil || !strings.Contains(err.Error(), `the encoding "EBCDIC-US" is not supported; save the file as UTF-8`) {
		t.Errorf("error %v", err)
	}
}
