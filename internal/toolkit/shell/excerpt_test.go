package shell

import (
	"fmt"
	"strings"
	"testing"
)

func TestExcerpt(t *testing.T) {
	var modules strings.Builder
	for i := range 1100 {
		fmt.Fprintf(&modules, "Module 'Acme_%d':\n", i)
	}
	const bars = "Compilation was started.\n 0/2 [>---------------------------]   0% < 1 sec 70.0 MiB\x1b[1G\x1b[2K 1/2 [==============>-------------]  50% 2 secs 90.0 MiB\x1b[1G\x1b[2K\n"
	const thrown = "\n\x1b[33mIn ClassReader.php line 45:\x1b[39m\n\x1b[37;41m                              \x1b[39;49m\n\x1b[37;41m  Class \"Acme\\Foo\" does not exist  \x1b[39;49m\n\n\nsetup:di:compile\n\n"
	for name, c := range map[string]struct{ stdout, stderr, want string }{
		"nothing":                  {"", "", ""},
		"stderr goes first":        {"out", "err", "err"},
		"stdout":                   {"out\n\n\nmore\n", "", "out\n\nmore"},
		"an exception":             {bars, "before\n" + thrown, "In ClassReader.php line 45:\n\n  Class \"Acme\\Foo\" does not exist\n\nsetup:di:compile"},
		"an exception of old":      {"", "x\n\n  [Acme\\OwnException]\n  It broke\n", "  [Acme\\OwnException]\n  It broke"},
		"progress bars":            {bars + "Errors during compilation:\n\tAcme\\Foo\n", "", "Compilation was started.\nErrors during compilation:\n\tAcme\\Foo"},
		"bars with a return":       {"10% done\r50% done\rall done\n", "", "all done"},
		"notices hide no cause":    {"Unknown module: Acme_X\n", "PHP Deprecated:  Creation of dynamic property in a.php\nPHP Deprecated:  Again in b.php\n", "Unknown module: Acme_X"},
		"nothing but notices":      {"", "PHP Warning:  Module is already loaded in Unknown on line 0\n", "PHP Warning:  Module is already loaded in Unknown on line 0"},
		"Windows line ends":        {"", "one\r\ntwo\r\n", "one\ntwo"},
		"a fatal error":            {"", "PHP Fatal error:  Uncaught Error: no in a.php:3\nStack trace:\n#0 {main}\n  thrown in a.php on line 3", "PHP Fatal error:  Uncaught Error: no in a.php:3\nStack trace:\n#0 {main}\n  thrown in a.php on line 3"},
		"the end of a long output": {modules.String() + "Unable to apply data patch Acme\\Patch\n", "", "(1081 more lines came before; the log at level debug has them)\n" + tail(modules.String(), 19) + "Unable to apply data patch Acme\\Patch"},
	} {
		if got := excerpt(c.stdout, c.stderr); got != c.want {
			t.Errorf("%s: got\n%q\nwant\n%q", name, got, c.want)
		}
	}
	long := excerpt("", "In A.php line 1:\n"+strings.Repeat("frame\n", 100))
	if lines := strings.Split(long, "\n"); len(lines) != maxException+1 || lines[maxException] != "(71 more lines follow; the log at level debug has them)" {
		t.Errorf("%q", long)
	}
}

// tail returns the last lines of a text.
func tail(text string, n int) string {
	lines := strings.SplitAfter(text, "\n")
	return strings.Join(lines[len(lines)-1-n:], "")
}
