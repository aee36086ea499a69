package enginetest

import (
	"fmt"
	"strconv"
	"strings"
)

// Tools are the commands that the suite runs in containers. An engine with real
// containers uses Shell, the fake understands Scripted.
type Tools struct {
	// Serve answers every HTTP request on the port with 200 and ends on SIGTERM.
	Serve func(port int) []string
	// Idle runs until SIGTERM. Marked shows up in Running while it runs.
	Idle func(mark string) []string
	// Stubborn runs a child in its process group; both ignore SIGTERM. It prints "ready" first.
	Stubborn func(mark string) []string
	// Running exits 0 when a process with the mark runs in the container.
	Running func(mark string) []string
	// Crash prints a line and exits.
	Crash func(line string, code int) []string
	// Print writes to standard output and error and exits.
	Print func(stdout, stderr string, code int) []string
	// Leave exits and leaves a process behind that keeps standard output open.
	Leave func(code int) []string
	// Copy writes standard input to standard output.
	Copy func() []string
	// Write makes a file; it fails where that is not possible and says why.
	Write func(path, text string) []string
	// Store makes a file of standard input.
	Store func(path string) []string
	// Read prints a file.
	Read func(path string) []string
	// Env prints a variable.
	Env func(name string) []string
	// Self prints "uid:gid directory".
	Self func() []string
	// AwaitSize ends when its terminal has a size.
	AwaitSize func(columns, rows int) []string
	// Resolve prints the address of a host name.
	Resolve func(host string) []string
	// Dial exits 0 when a connection is made within seconds.
	Dial func(host string, port int) []string
	// Line writes a command as the one string that App.PostStart is.
	Line func(command []string) string
}

// Shell returns the tools for images with a POSIX shell and Perl, which every minimal
// Debian has.
func Shell() Tools {
	sh := func(script string, args ...string) []string {
		return append([]string{"/bin/sh", "-c", script, "sh"}, args...)
	}
	perl := func(script string, args ...string) []string {
		return append([]string{"perl", "-MIO::Socket::INET", "-e", script}, args...)
	}
	return Tools{
		Serve: func(port int) []string {
			return perl(`$s = IO::Socket::INET->new(LocalPort => $ARGV[0], Listen => 64, ReuseAddr => 1) or die;
				while ($c = $s->accept) { while (<$c>) { last if /^\r?$/ } print $c "HTTP/1.0 200 OK\r\n\r\nok"; close $c }`,
				strconv.Itoa(port))
		},
		Idle: func(mark string) []string { return perl(`sleep 1000 while 1`, mark) },
		Stubborn: func(mark string) []string {
			return perl(`$SIG{TERM} = "IGNORE"; $| = 1; fork; print "ready\n"; sleep 1000 while 1`, mark)
		},
		Running: func(mark string) []string {
			return perl(`for (glob "/proc/[0-9]*/cmdline") { next if m{/$$/}; open F, "<", $_ or next; local $/;
				exit 0 if index(<F>, $ARGV[0]) >= 0 } exit 1`, mark)
		},
		Crash: func(line string, code int) []string { return sh(`echo "$1" >&2; exit "$2"`, line, strconv.Itoa(code)) },
		Print: func(stdout, stderr string, code int) []string {
			return sh(`printf %s "$1"; printf %s "$2" >&2; exit "$3"`, stdout, stderr, strconv.Itoa(code))
		},
		Leave: func(code int) []string { return sh(`sleep 600 & exit "$1"`, strconv.Itoa(code)) },
		Copy:  func() []string { return sh(`cat`) },
		Write: func(path, text string) []string { return sh(`printf %s "$2" >"$1"`, path, text) },
		Store: func(path string) []string { return sh(`cat >"$1"`, path) },
		Read:  func(path string) []string { return sh(`cat "$1"`, path) },
		Env:   func(name string) []string { return sh(`printenv "$1" | tr -d "\n"`, name) },
		Self:  func() []string { return sh(`printf "%s:%s %s" "$(id -u)" "$(id -g)" "$(pwd)"`) },
		AwaitSize: func(columns, rows int) []string {
			return sh(`until [ "$(stty size)" = "$1" ]; do sleep 0.05; done`, fmt.Sprintf("%d %d", rows, columns))
		},
		Resolve: func(host string) []string {
			return sh(`getent ahostsv4 "$1" | { read -r a _ && printf %s "$a"; }`, host)
		},
		Dial: func(host string, port int) []string {
			return perl(`exit !IO::Socket::INET->new(PeerAddr => $ARGV[0], PeerPort => $ARGV[1], Timeout => 3)`,
				host, strconv.Itoa(port))
		},
		Line: func(command []string) string {
			var words []string
			for _, w := range command {
				words = append(words, "'"+strings.ReplaceAll(w, "'", `'\''`)+"'")
			}
			return strings.Join(words, " ")
		},
	}
}

// wordEnd separates the words of a scripted command in one string.
const wordEnd = "\x1f"

// Scripted returns the tools that Fake understands: their first word names them.
func Scripted() Tools {
	one := func(verb string) func(string) []string {
		return func(arg string) []string { return []string{verb, arg} }
	}
	return Tools{
		Serve:    func(port int) []string { return []string{"serve", strconv.Itoa(port)} },
		Idle:     one("idle"),
		Stubborn: one("stubborn"),
		Running:  one("running"),
		Crash:    func(line string, code int) []string { return []string{"crash", line, strconv.Itoa(code)} },
		Print: func(stdout, stderr string, code int) []string {
			return []string{"print", stdout, stderr, strconv.Itoa(code)}
		},
		Leave: func(code int) []string { return []string{"print", "", "", strconv.Itoa(code)} },
		Copy:  func() []string { return []string{"copy"} },
		Write: func(path, text string) []string { return []string{"write", path, text} },
		Store: one("store"),
		Read:  one("read"),
		Env:   one("env"),
		Self:  func() []string { return []string{"self"} },
		AwaitSize: func(columns, rows int) []string {
			return []string{"await-size", fmt.Sprintf("%dx%d", columns, rows)}
		},
		Resolve: one("resolve"),
		Dial:    func(host string, port int) []string { return []string{"dial", fmt.Sprintf("%s:%d", host, port)} },
		Line:    func(command []string) string { return strings.Join(command, wordEnd) },
	}
}
