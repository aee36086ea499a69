package journal_test

import (
	"bufio"
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"

	"sluice/internal/toolkit/fault"
	"sluice/internal/toolkit/journal"
)

// secret is what no service outside may see.
const secret = "topsecret-1"

// through logs a record with a secret through a handler and returns what went wrong.
func through(t *testing.T, h journal.Handler) []string {
	t.Helper()
	var failures []string
	redactor := &journal.Redactor{}
	redactor.Add(secret)
	log := journal.New(journal.Options{Now: now, Redactor: redactor, Fallback: func(err error) { failures = append(failures, err.Error()) }}, journal.Sink{Handler: h, Min: fault.Notice, Remote: true})
	log.Debug("not sent")
	log.Fault(&fault.Fault{Code: 116, Message: "setup:install --db-password='x' with " + secret, Suggestion: "look at the log"})
	log.Close()
	return failures
}

func check(t *testing.T, got string, failures []string) {
	t.Helper()
	if len(failures) > 0 {
		t.Errorf("failures %q", failures)
	}
	if strings.Contains(got, secret) || strings.Contains(got, "password='x'") || !strings.Contains(got, "setup:install") || strings.Contains(got, "not sent") {
		t.Errorf("sent: %s", got)
	}
}

// posts is an HTTP server that keeps what is posted and answers with a text.
func posts(t *testing.T, answer string) (url string, got func() (*http.Request, string)) {
	t.Helper()
	type post struct {
		r    *http.Request
		body string
	}
	received := make(chan post, 10)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		received <- post{r, string(body)}
		_, _ = io.WriteString(w, answer)
	}))
	t.Cleanup(server.Close)
	return server.URL, func() (*http.Request, string) { p := <-received; return p.r, p.body }
}

func TestSlack(t *testing.T) {
	url, got := posts(t, `{"ok": true}`)
	failures := through(t, &journal.Slack{Client: &http.Client{}, URL: url, Token: "xoxb", Channel: "shop", Username: "bot"})
	r, body := got()
	check(t, body, failures)
	if r.Header.Get("Authorization") != "Bearer xoxb" {
		t.Errorf("%v", r.Header)
	}
	var message struct {
		Channel, Username string
		Attachments       []struct{ Text, Color string }
	}
	if err := json.Unmarshal([]byte(body), &message); err != nil || message.Channel != "shop" || message.Username != "bot" ||
		message.Attachments[0].Color != "danger" || !strings.HasPrefix(message.Attachments[0].Text, "ERROR: [116] setup:install") {
		t.Errorf("%s, %v", body, err)
	}
}

func TestSlackThatRefuses(t *testing.T) {
	url, _ := posts(t, `{"ok": false, "error": "invalid_auth"}`)
	if failures := through(t, &journal.Slack{Client: &http.Client{}, URL: url}); len(failures) != 1 || failures[0] != "slack refused the message: invalid_auth" {
		t.Errorf("%q", failures)
	}
}

func TestGELFOverHTTP(t *testing.T) {
	url, got := posts(t, "")
	failures := through(t, &journal.GELF{Transport: "http", Address: strings.TrimPrefix(url, "http://"), Path: "/gelf", Client: &http.Client{}, Additional: map[string]string{"project": "p1", "_id": "refused"}, Hostname: "app"})
	r, body := got()
	check(t, body, failures)
	if r.URL.Path != "/gelf" {
		t.Errorf("%s", r.URL)
	}
	checkGELF(t, []byte(body))
}

func checkGELF(t *testing.T, text []byte) {
	t.Helper()
	var m map[string]any
	if err := json.Unmarshal(text, &m); err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	if m["version"] != "1.1" || m["host"] != "app" || m["level"] != 3.0 || m["_project"] != "p1" || m["_errorCode"] != "116" || m["_id"] != nil || m["timestamp"] != 1795424987.312 {
		t.Errorf("%v", m)
	}
}

func TestGELFOverTCP(t *testing.T) {
	listener := listen(t, "tcp", "127.0.0.1:0")
	received := make(chan []byte, 1)
	go func() {
		conn, err := listener.Accept()
		if err != nil {
			return
		}
		text, err := bufio.NewReader(conn).ReadBytes(0)
		if err == nil {
			received <- bytes.TrimSuffix(text, []byte{0})
		}
	}()
	failures := through(t, &journal.GELF{Transport: "tcp", Address: listener.Addr().String(), Timeout: 1e9, Additional: map[string]string{"project": "p1"}, Hostname: "app"})
	text := <-received
	check(t, string(text), failures)
	checkGELF(t, text)
}

func listen(t *testing.T, network, address string) net.Listener {
	t.Helper()
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), network, address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() })
	return listener
}

func packets(t *testing.T, network, address string) net.PacketConn {
	t.Helper()
	conn, err := (&net.ListenConfig{}).ListenPacket(t.Context(), network, address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return conn
}

func packet(t *testing.T, conn net.PacketConn) []byte {
	t.Helper()
	buf := make([]byte, 1<<16)
	n, _, err := conn.ReadFrom(buf)
	if err != nil {
		t.Fatal(err)
	}
	return buf[:n]
}

func TestGELFOverUDPInChunks(t *testing.T) {
	conn := packets(t, "udp", "127.0.0.1:0")
	failures := through(t, &journal.GELF{Transport: "udp", Address: conn.LocalAddr().String(), Timeout: 1e9, ChunkSize: 100, Additional: map[string]string{"project": "p1"}, Hostname: "app"})
	var text []byte
	for i, count := 0, 1; i < count; i++ {
		chunk := packet(t, conn)
		if !bytes.HasPrefix(chunk, []byte{0x1e, 0x0f}) || int(chunk[10]) != i || len(chunk) > 100 {
			t.Fatalf("chunk %d: % x", i, chunk)
		}
		count = int(chunk[11])
		text = append(text, chunk[12:]...)
	}
	check(t, string(text), failures)
	checkGELF(t, text)
}

func TestGELFWithoutTransport(t *testing.T) {
	if failures := through(t, &journal.GELF{Transport: "pigeon"}); len(failures) != 1 || failures[0] != "Can't send log message: Unknown transport type: pigeon" {
		t.Errorf("%q", failures)
	}
}

func TestSyslogUDP(t *testing.T) {
	conn := packets(t, "udp", "127.0.0.1:0")
	failures := through(t, &journal.SyslogUDP{Address: conn.LocalAddr().String(), Ident: "php", Facility: 8, Hostname: "app 1"})
	first, second := string(packet(t, conn)), string(packet(t, conn))
	check(t, first, failures)
	if !strings.HasPrefix(first, "<11>1 2026-11-23T09:09:47.312568Z app_1 php ") || !strings.Contains(first, " - - ERROR: [116] setup:install") || !strings.HasSuffix(second, " - - look at the log") {
		t.Errorf("%s\n%s", first, second)
	}
}

func TestSyslog(t *testing.T) {
	name := filepath.Join(t.TempDir(), "log")
	conn := packets(t, "unixgram", name)
	failures := through(t, &journal.Syslog{Ident: "ece", Facility: 8, Network: "unixgram", Address: name})
	text := string(packet(t, conn))
	check(t, text, failures)
	if !strings.HasPrefix(text, "<11>") || !strings.Contains(text, "ece[") {
		t.Errorf("%s", text)
	}
}

// mailServer takes one mail and returns the commands and the text.
func mailServer(t *testing.T) (address string, got func() (commands []string, data string)) {
	t.Helper()
	listener := listen(t, "tcp", "127.0.0.1:0")
	type mail struct {
		commands []string
		data     string
	}
	received := make(chan mail, 1)
	go func() {
		conn, err := listener.Accept()
		if err != nil {
			return
		}
		defer conn.Close() //nolint:errcheck // the test is over
		var m mail
		lines := bufio.NewScanner(conn)
		say := func(text string) { _, _ = fmt.Fprintf(conn, "%s\r\n", text) }
		say("220 test")
		for lines.Scan() {
			m.commands = append(m.commands, lines.Text())
			switch word, _, _ := strings.Cut(lines.Text(), " "); word {
			case "EHLO":
				say("250-test\r\n250 AUTH PLAIN")
			case "AUTH":
				say("235 ok")
			case "DATA":
				say("354 go on")
				for lines.Scan() && lines.Text() != "." {
					m.data += lines.Text() + "\n"
				}
				say("250 ok")
			case "QUIT":
				say("221 bye")
				received <- m
				return
			default:
				say("250 ok")
			}
		}
	}()
	return listener.Addr().String(), func() ([]string, string) { m := <-received; return m.commands, m.data }
}

func TestEmail(t *testing.T) {
	address, got := mailServer(t)
	failures := through(t, &journal.Email{Server: address, User: "u", Password: "p", From: "from@example.com", To: []string{"a@example.com", "b@example.com"}, Subject: "Shop\r\nBcc: evil@example.com", Now: now})
	commands, data := got()
	for _, want := range []string{"MAIL FROM:<from@example.com>", "RCPT TO:<a@example.com>", "RCPT TO:<b@example.com>"} {
		if !strings.Contains(strings.Join(commands, "\n"), want) {
			t.Errorf("%s is not in %q", want, commands)
		}
	}
	header, body, _ := strings.Cut(data, "\n\n")
	if strings.Contains(header, "\nBcc:") || !strings.Contains(header, "Subject: ") || !strings.Contains(header, "To: a@example.com, b@example.com") {
		t.Errorf("%s", header)
	}
	text, err := base64.StdEncoding.DecodeString(strings.ReplaceAll(body, "\n", ""))
	if err != nil {
		t.Fatal(err)
	}
	check(t, string(text), failures)
}

func TestEmailWithoutAServer(t *testing.T) {
	if failures := through(t, &journal.Email{To: []string{"a@example.com"}, Now: now}); len(failures) != 1 || !strings.Contains(failures[0], "PLATFORM_SMTP_HOST") {
		t.Errorf("%q", failures)
	}
}
