package sshserve

import (
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"
)

func TestGitCommandsAreRecognised(t *testing.T) {
	for command, want := range map[string]string{
		"git-upload-pack 'shop.git'":         "git-upload-pack shop",
		"git-upload-pack '/shop.git'":        "git-upload-pack shop",
		"git receive-pack 'shop.git'":        "git-receive-pack shop",
		"git-receive-pack shop":              "git-receive-pack shop",
		"git-upload-archive 'shop.git'":      "",
		"git-upload-pack 'shop.git'; reboot": "",
		"git-upload-pack '../shop.git'":      "",
		"git-upload-pack 'a'\\''b'":          "",
		"git-upload-pack":                    "",
		"git-upload-pack --strict shop.git":  "",
	} {
		service, project, _ := parseGit(command)
		if got := strings.TrimSpace(service + " " + project); got != want {
			t.Errorf("%s: got %q, want %q", command, got, want)
		}
	}
}

func TestOnlyHarmlessVariablesAreAccepted(t *testing.T) {
	for name, want := range map[string]bool{
		"LANG": true, "LC_ALL": true, "LC_TIME": true, "GIT_PROTOCOL": true, "PLATFORMSH_PUSH_NO_WAIT": true,
		"LD_PRELOAD": false, "PATH": false, "BASH_ENV": false, "LC_x=y": false, "": false,
	} {
		if acceptedVariable(name) != want {
			t.Errorf("%q: accepted is %v", name, !want)
		}
	}
}

// FuzzPayloads feeds what clients send in requests to every parser: none may panic, and
// what they accept is within its limits.
func FuzzPayloads(f *testing.F) {
	f.Add(ssh.Marshal(ptyRequest{Term: "xterm", Columns: 80, Rows: 24}))
	f.Add(ssh.Marshal(sizeRequest{Columns: 1 << 31}))
	f.Add(ssh.Marshal(forwardRequest{Host: "database.internal", Port: 3306}))
	f.Add(ssh.Marshal(struct{ A, B string }{"LC_ALL", "C"}))
	f.Add(ssh.Marshal(struct{ A string }{"git-upload-pack 'shop.git'"}))
	f.Add([]byte{0xff, 0xff, 0xff, 0xff})
	f.Fuzz(func(t *testing.T, payload []byte) {
		if term, size, ok := parsePty(payload); ok && (!termPattern.MatchString(term) || size.Columns > 1<<16 || size.Rows > 1<<16) {
			t.Errorf("terminal %q %v", term, size)
		}
		if size, ok := parseSize(payload); ok && (size.Columns > 1<<16 || size.Rows > 1<<16) {
			t.Errorf("size %v", size)
		}
		if name, value, ok := parseVariable(payload); ok && acceptedVariable(name) && strings.Contains(name+value, "\x00") {
			t.Errorf("variable %q=%q", name, value)
		}
		if command, ok := parseCommand(payload); ok {
			checkCommand(t, command)
		}
		if host, port, ok := parseForward(payload); ok && (len(host) > 253 || port == 0 || port > 65535) {
			t.Errorf("tunnel to %q %d", host, port)
		}
		_, _ = parseSignal(payload)
	})
}

func checkCommand(t *testing.T, command string) {
	t.Helper()
	if strings.Contains(command, "\x00") {
		t.Errorf("command %q", command)
	}
	if service, project, ok := parseGit(command); ok && (project == "" || strings.ContainsAny(project, "/' ")) {
		t.Errorf("%q: %s of %q", command, service, project)
	}
	if strings.ContainsAny(programOf(command), " =\n") {
		t.Errorf("program %q", programOf(command))
	}
}

func TestFailuresAreForgiven(t *testing.T) {
	now := time.Unix(1e9, 0)
	d := newDoor(Limits{Failures: 3, Forgive: time.Second}.withDefaults())
	d.now = func() time.Time { return now }
	for range 3 {
		if d.blocked("a") {
			t.Fatal("blocked too early")
		}
		d.failure("a")
	}
	if !d.blocked("a") || d.blocked("b") {
		t.Error("three failures: the address is not blocked, or another one is")
	}
	now = now.Add(time.Second)
	if d.blocked("a") {
		t.Error("still blocked when one failure is forgiven")
	}
	now = now.Add(time.Hour)
	for range 2 {
		d.failure("a")
	}
	if d.blocked("a") {
		t.Error("failures of an hour ago count")
	}
}

func TestAddressesOfOneCustomerAreOne(t *testing.T) {
	for text, want := range map[string]string{
		"192.0.2.1:5": "192.0.2.1", "[::ffff:192.0.2.1]:5": "192.0.2.1",
		"[2001:db8:1:2:3:4:5:6]:7": "2001:db8:1:2::/64", "@": "@",
	} {
		if got := addressOf(textAddr(text)); got != want {
			t.Errorf("%s: got %s, want %s", text, got, want)
		}
	}
}

type textAddr string

func (textAddr) Network() string  { return "tcp" }
func (a textAddr) String() string { return string(a) }
