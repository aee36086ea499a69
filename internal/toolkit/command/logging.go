package command

import (
	"cmp"
	"fmt"
	"net"
	"net/http"
	"os"
	"strconv"
	"time"

	"sluice/internal/manifest"
	"sluice/internal/toolkit/fault"
	"sluice/internal/toolkit/journal"
	"sluice/internal/toolkit/kit"
	"sluice/internal/toolkit/scenario"
	"sluice/internal/toolkit/tree"
)

// codeLogger is that of a log that cannot be opened.
const codeLogger = 23

// newLogger builds the log with the handlers of .magento.env.yaml.
// cloud.log has everything unless log.file.min_level says otherwise: MIN_LOGGING_LEVEL,
// which limits it in the original against its documentation, does not.
func newLogger(s *session, t *tree.Tree, stages kit.Stages, redactor *journal.Redactor, client *http.Client, o options) (*journal.Logger, error) {
	if o.nested {
		return journal.New(journal.Options{Redactor: redactor}, journal.Sink{Handler: scenario.Messages(s.process.Stdout)}), nil
	}
	l := levels{config: s.config}
	l.base, l.err = stages.Global.Text("MIN_LOGGING_LEVEL")
	stdout := l.level("stream", fault.Info)
	if o.level != 0 {
		stdout = o.level
	}
	sinks := []journal.Sink{
		{Handler: journal.Lines(discard(o.quiet, s.process.Stdout)), Min: stdout},
		{Handler: journal.NewFile(func() (*os.File, error) { return t.OpenAppend(tree.CloudLog) }), Min: l.own("file", fault.Debug)},
		{Handler: journal.NewErrorLog(t, tree.ErrorLog), Min: max(fault.Warning, l.own("file_errors", fault.Warning))},
	}
	sinks = append(sinks, notifiers(s, l, client)...)
	if l.err != nil {
		return nil, fault.Wrap(codeLogger, l.err)
	}
	return journal.New(journal.Options{
		Redactor: redactor,
		Fallback: func(err error) { _, _ = fmt.Fprintln(s.process.Stderr, "log:", err) }, // nowhere else to tell
	}, sinks...), nil
}

// levels finds the least level of each handler.
type levels struct {
	config *manifest.EnvFile
	base   string // MIN_LOGGING_LEVEL
	err    error
}

// level is a handler's own level, else MIN_LOGGING_LEVEL, else the default.
func (l *levels) level(handler string, otherwise fault.Level) fault.Level {
	return l.parse(cmp.Or(l.given(handler), l.base), otherwise)
}

// own is a handler's own level, else the default.
func (l *levels) own(handler string, otherwise fault.Level) fault.Level {
	return l.parse(l.given(handler), otherwise)
}

func (l *levels) given(handler string) string {
	if l.config == nil {
		return ""
	}
	section, _ := l.config.Log[handler].(map[string]any)
	text, _ := section["min_level"].(string)
	return text
}

func (l *levels) parse(text string, otherwise fault.Level) fault.Level {
	if text == "" {
		return otherwise
	}
	level, err := fault.ParseLevel(text)
	if err != nil {
		l.err = cmp.Or(l.err, err)
	}
	return level
}

// notifiers are the handlers that send records elsewhere.
func notifiers(s *session, l levels, client *http.Client) []journal.Sink {
	h := s.config.Handlers()
	var out []journal.Sink
	add := func(name string, handler journal.Handler) {
		out = append(out, journal.Sink{Handler: handler, Min: l.level(name, fault.Notice), Remote: true})
	}
	if c := h.Slack; c != nil {
		url, ok := s.process.env("SLUICE_SLACK_URL")
		if !ok {
			url = journal.SlackURL
		}
		add("slack", &journal.Slack{Client: client, URL: url, Token: c.Token, Channel: c.Channel, Username: c.Username})
	}
	if c := h.Email; c != nil {
		add("email", email(s.process, c))
	}
	if c := h.Syslog; c != nil {
		add("syslog", &journal.Syslog{Ident: c.Ident, Facility: c.Facility})
	}
	if c := h.SyslogUDP; c != nil {
		add("syslog_udp", &journal.SyslogUDP{Address: net.JoinHostPort(c.Host, strconv.Itoa(c.Port)), Ident: c.Ident, Facility: c.Facility, Hostname: hostname()})
	}
	if c := h.GELF; c != nil {
		add("gelf", &journal.GELF{
			Transport: c.Transport, Address: net.JoinHostPort(c.Host, strconv.Itoa(c.Port)), Path: c.Path, Client: client,
			Timeout: time.Duration(c.Timeout) * time.Second, ChunkSize: c.ChunkSize, Additional: c.Additional, Hostname: hostname(),
		})
	}
	return out
}

// email sends by the SMTP server of the platform: PLATFORM_SMTP_HOST, a host or host:port;
// SLUICE_SMTP_USER and SLUICE_SMTP_PASSWORD when it requires a login.
func email(p Process, c *manifest.EmailHandler) *journal.Email {
	server, _ := p.env("PLATFORM_SMTP_HOST")
	if server != "" {
		if _, _, err := net.SplitHostPort(server); err != nil {
			server = net.JoinHostPort(server, "25")
		}
	}
	user, _ := p.env("SLUICE_SMTP_USER")
	password, _ := p.env("SLUICE_SMTP_PASSWORD")
	return &journal.Email{
		Server: server, User: user, Password: password, Now: time.Now,
		From: cmp.Or(c.From, "ece-tools@"+cmp.Or(hostname(), "localhost")), To: c.To, Subject: c.Subject,
	}
}
