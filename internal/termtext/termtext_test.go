package termtext_test

import (
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"

	"sluice/internal/termtext"
)

func TestLine(t *testing.T) {
	for _, test := range []struct{ name, in, want string }{
		{"plain", "Ünïcode\ttext 日本", "Ünïcode\ttext 日本"},
		{"colours", "\x1b[31mred\x1b[0m and \x1b[1;38;5;8mgrey\x1b[m", "\x1b[31mred\x1b[0m and \x1b[1;38;5;8mgrey\x1b[m"},
		{"an open colour ends with the line", "\x1b[31mred\nnext", "\x1b[31mred\x1b[0m\nnext"},
		{"and with the text", "\x1b[31mred", "\x1b[31mred\x1b[0m"},
		{"clipboard", "\x1b]52;c;ZXZpbA==\a", "␛]52;c;ZXZpbA==␇"},
		{"title", "\x1b]0;evil\x1b\\", "␛]0;evil␛\\"},
		{"cursor", "\x1b[2A\x1b[2KEverything is fine", "␛[2A␛[2KEverything is fine"},
		{"C1", "\u009b31m\u0085", "<U+009B>31m<U+0085>"},
		{"bytes of C1", "\x9b31m", "\uFFFD31m"},
		{"concealed", "\x1b[8mhidden\x1b[08m", "␛[8mhidden␛[08m"},
		{"return and backspace", "safe\revil\b\b", "safe␍evil␈␈"},
		{"reordered", "a\u202eb\u2066c", "a<U+202E>b<U+2066>c"},
		{"delete", "\x7f", "␡"},
		{"unfinished", "\x1b[31", "␛[31"},
		{"endless", "\x1b[" + strings.Repeat("1;", 40) + "m", "␛[" + strings.Repeat("1;", 40) + "m"},
	} {
		t.Run(test.name, func(t *testing.T) {
			if got := termtext.Line(test.in); got != test.want {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
	if got := termtext.Plain("\x1b[31mred"); got != "␛[31mred" {
		t.Errorf("plain: got %q", got)
	}
}

// safe is what a terminal may get of control characters: tabs, line ends and colours.
var safe = regexp.MustCompile("\\t|\\n|\x1b\\[[0-9;:]*m")

func isControl(r rune) bool { return r < ' ' || (r >= 0x7f && r < 0xa0) }

// FuzzLine: whatever comes in, a terminal gets text, tabs, line ends and colours only.
func FuzzLine(f *testing.F) {
	for _, s := range []string{"\x1b[31mred", "\x1b]0;x\a", "\u009b31m", "\x1b[8m", "\x1b[38;5;8m", "a\u202eb", "\xff\x1b[", "\x1b\x1b[1mm"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		out := termtext.Line(s)
		if !utf8.ValidString(out) {
			t.Errorf("%q became %q", s, out)
		}
		if escapes := safe.ReplaceAllString(out, ""); strings.ContainsFunc(escapes, isControl) {
			t.Fatalf("%q became %q", s, out)
		}
		if again := termtext.Line(out); again != out {
			t.Errorf("%q became %q and then %q", s, out, again)
		}
		var b strings.Builder
		w := termtext.NewWriter(&b)
		for _, c := range []byte(s) {
			if _, err := w.Write([]byte{c}); err != nil {
				t.Fatal(err)
			}
		}
		if err := w.Close(); err != nil || b.String() != out && len(s) < 64<<10 {
			t.Errorf("%q written byte by byte became %q, want %q", s, b.String(), out)
		}
	})
}

func TestSecretsAreMasked(t *testing.T) {
	m := termtext.NewMasker([]string{"hunter2-hunter2", "hunter2-", "short", "-----BEGIN KEY-----\nc2VjcmV0\n", ""})
	for in, want := range map[string]string{
		"a hunter2-hunter2 b": "a ******** b",
		"hunter2-x":           "********x",
		"a short text":        "a short text",
		"c2VjcmV0":            "********",
	} {
		if got := m.Mask(in); got != want {
			t.Errorf("%q became %q, want %q", in, got, want)
		}
	}
	if got := (termtext.Masker{}).Mask("x"); got != "x" {
		t.Errorf("got %q", got)
	}
}
