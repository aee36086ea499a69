package scenario

import (
	"bytes"
	"fmt"
	"io"
	"strings"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/unicode"
)

// decoded returns a file as UTF-8 without its byte order mark when it has one, and what reads
// the encoding that its declaration names. The original's reader knows these encodings too.
func decoded(text []byte) (utf8 []byte, read func(label string, in io.Reader) (io.Reader, error)) {
	marked := bytes.HasPrefix(text, []byte("\xfe\xff")) || bytes.HasPrefix(text, []byte("\xff\xfe"))
	if marked {
		if converted, err := unicode.UTF16(unicode.BigEndian, unicode.UseBOM).NewDecoder().Bytes(text); err == nil {
			text = converted
		}
	}
	return bytes.TrimPrefix(text, []byte("\xef\xbb\xbf")), func(label string, in io.Reader) (io.Reader, error) {
		if marked {
			return in, nil // it is UTF-8 by now, whatever it was
		}
		if known := charset(label); known != nil {
			return known.NewDecoder().Reader(in), nil
		}
		return nil, fmt.Errorf("the encoding %q is not supported; save the file as UTF-8", label)
	}
}

func charset(label string) encoding.Encoding {
	switch strings.ToLower(label) {
	case "us-ascii", "ascii", "iso-8859-1", "latin1", "iso_8859-1":
		return charmap.ISO8859_1
	case "iso-8859-15", "latin9":
		return charmap.ISO8859_15
	case "iso-8859-2", "latin2":
		return charmap.ISO8859_2
	case "windows-1252", "cp1252":
		return charmap.Windows1252
	case "windows-1250", "cp1250":
		return charmap.Windows1250
	case "windows-1251", "cp1251":
		return charmap.Windows1251
	}
	return nil
}
