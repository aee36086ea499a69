package sshserve

import (
	"regexp"
	"slices"
	"strings"

	"golang.org/x/crypto/ssh"
)

// Limits of what a request may carry, in bytes.
const (
	maxCommand  = 128 << 10 // as long as one argument may be in Linux
	maxVariable = 4 << 10
)

// ptyRequest is what "pty-req" carries. The pixels and the modes are not used: the
// engine's terminals have neither.
type ptyRequest struct {
	Term                  string
	Columns, Rows         uint32
	PixelWidth, PixelHigh uint32
	Modes                 string
}

// sizeRequest is what "window-change" carries.
type sizeRequest struct {
	Columns, Rows         uint32
	PixelWidth, PixelHigh uint32
}

// forwardRequest is what a channel "direct-tcpip" is opened with.
type forwardRequest struct {
	Host       string
	Port       uint32
	Origin     string
	OriginPort uint32
}

var termPattern = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._+-]{0,63}$`)

// parsePty reads the terminal that a client asks for.
func parsePty(payload []byte) (term string, size Size, ok bool) {
	var r ptyRequest
	if ssh.Unmarshal(payload, &r) != nil {
		return "", Size{}, false
	}
	if !termPattern.MatchString(r.Term) {
		r.Term = "dumb"
	}
	return r.Term, validSize(r.Columns, r.Rows), true
}

func parseSize(payload []byte) (Size, bool) {
	var r sizeRequest
	if ssh.Unmarshal(payload, &r) != nil {
		return Size{}, false
	}
	return validSize(r.Columns, r.Rows), true
}

// validSize keeps sizes within what a terminal of the kernel can have.
func validSize(columns, rows uint32) Size {
	const most = 1<<16 - 1
	return Size{Columns: min(columns, most), Rows: min(rows, most)}
}

// parseVariable reads a variable of the request "env".
func parseVariable(payload []byte) (name, value string, ok bool) {
	var r struct{ Name, Value string }
	if len(payload) > maxVariable || ssh.Unmarshal(payload, &r) != nil || strings.ContainsRune(r.Value, 0) {
		return "", "", false
	}
	return r.Name, r.Value, true
}

// The variables that only Git looks at.
const (
	gitProtocol = "GIT_PROTOCOL"
	noWait      = "PLATFORMSH_PUSH_NO_WAIT"
)

// acceptedVariable reports whether a client may set a variable. Any other could change
// what the application's programs do.
func acceptedVariable(name string) bool {
	return name == "LANG" || name == "COLORTERM" || name == gitProtocol || name == noWait ||
		strings.HasPrefix(name, "LC_") && strings.Trim(name[3:], "ABCDEFGHIJKLMNOPQRSTUVWXYZ_") == ""
}

// parseCommand reads the command of "exec" or the name of a "subsystem".
func parseCommand(payload []byte) (string, bool) {
	var r struct{ Command string }
	if len(payload) > maxCommand || ssh.Unmarshal(payload, &r) != nil || strings.ContainsRune(r.Command, 0) {
		return "", false
	}
	return r.Command, true
}

// parseSignal reads the name of a "signal" that can be sent to a command.
func parseSignal(payload []byte) (ssh.Signal, bool) {
	var r struct{ Signal string }
	if ssh.Unmarshal(payload, &r) != nil {
		return "", false
	}
	s := ssh.Signal(r.Signal)
	return s, slices.Contains([]ssh.Signal{
		ssh.SIGHUP, ssh.SIGINT, ssh.SIGQUIT, ssh.SIGTERM, ssh.SIGKILL, ssh.SIGUSR1, ssh.SIGUSR2,
	}, s)
}

func parseForward(payload []byte) (host string, port uint32, ok bool) {
	var r forwardRequest
	if ssh.Unmarshal(payload, &r) != nil || r.Port == 0 || r.Port > 1<<16-1 || len(r.Host) > 253 {
		return "", 0, false
	}
	return r.Host, r.Port, true
}

var gitPattern = regexp.MustCompile(`^git[- ](upload-pack|receive-pack) (?:'/?([^' /]+)'|/?([^' /]+))$`)

// parseGit reads what git asks for, such as git-upload-pack 'shop.git'.
func parseGit(command string) (service, project string, ok bool) {
	m := gitPattern.FindStringSubmatch(command)
	if m == nil {
		return "", "", false
	}
	return "git-" + m[1], strings.TrimSuffix(m[2]+m[3], ".git"), true
}
