package manifest

import (
	"cmp"
	"encoding/json"
	"strconv"
	"strings"
)

// LogHandlers are where messages go, besides the log file and the activity,
// with defaults filled in. Nil means not configured.
type LogHandlers struct {
	Slack     *SlackHandler
	Email     *EmailHandler
	Syslog    *SyslogHandler
	SyslogUDP *SyslogHandler // Host and Port are set
	GELF      *GELFHandler
}

// SlackHandler sends messages to a channel.
type SlackHandler struct {
	Level    string // the least level; empty: MIN_LOGGING_LEVEL decides
	Token    string
	Channel  string
	Username string
}

// EmailHandler sends mail, in the deploy phase only.
type EmailHandler struct {
	Level   string
	To      []string
	From    string
	Subject string
}

// SyslogHandler writes to the local syslog, or to a remote one over UDP.
type SyslogHandler struct {
	Level    string
	Ident    string
	Facility int // as in syslog(3): 8 is LOG_USER
	Options  int // logopts of the local one
	Host     string
	Port     int
}

// GELFHandler writes to a Graylog server.
type GELFHandler struct {
	Level            string
	DefaultFormatter bool
	Additional       map[string]string
	Transport        string // "http", "tcp" or "udp"; empty when none is configured
	Host             string
	Port             int
	Path             string // of http
	Timeout          int    // seconds to connect; of http and tcp
	ChunkSize        int    // bytes; of udp
}

// The defaults of the handlers.
const (
	slackChannel   = "general"
	slackUsername  = "Slack Log Notifier"
	mailSubject    = "Log from Magento Cloud"
	syslogFacility = 8 // LOG_USER
	remoteIdent    = "php"
	gelfTimeout    = 60
	gelfChunk      = 1024
)

// Handlers returns what the log section configures.
func (e *EnvFile) Handlers() LogHandlers {
	if e == nil {
		return LogHandlers{}
	}
	var h LogHandlers
	log := settings(e.Log)
	if s, ok := log.section("slack"); ok {
		h.Slack = &SlackHandler{Level: s.level(), Token: s.text("token"), Channel: cmp.Or(s.text("channel"), slackChannel), Username: cmp.Or(s.text("username"), slackUsername)}
	}
	if s, ok := log.section("email"); ok {
		h.Email = &EmailHandler{Level: s.level(), To: s.texts("to"), From: s.text("from"), Subject: cmp.Or(s.text("subject"), mailSubject)}
	}
	if s, ok := log.section("syslog"); ok {
		h.Syslog = s.syslog("")
	}
	if s, ok := log.section("syslog_udp"); ok {
		h.SyslogUDP = s.syslog(remoteIdent)
		h.SyslogUDP.Host, h.SyslogUDP.Port = s.text("host"), s.number("port", 514)
	}
	if s, ok := log.section("gelf"); ok {
		h.GELF = s.gelf()
	}
	return h
}

// settings is a checked section of the file; whatever has the wrong type reads as absent.
type settings map[string]any

func (s settings) section(key string) (settings, bool) {
	m, ok := s[key].(map[string]any)
	return m, ok
}

func (s settings) text(key string) string {
	switch v := s[key].(type) {
	case string:
		return v
	case int:
		return strconv.Itoa(v)
	case bool:
		return strconv.FormatBool(v)
	case float64:
		return strconv.FormatFloat(v, 'f', -1, 64)
	default:
		return ""
	}
}

func (s settings) number(key string, fallback int) int {
	n, err := strconv.Atoi(s.text(key))
	if err != nil {
		return fallback
	}
	return n
}

func (s settings) texts(key string) []string {
	list, ok := s[key].([]any)
	if !ok {
		list = []any{s[key]}
	}
	var out []string
	for i := range list {
		if v := (settings{"": list[i]}).text(""); v != "" {
			out = append(out, v)
		}
	}
	return out
}

func (s settings) level() string { return strings.ToLower(s.text("min_level")) }

func (s settings) syslog(ident string) *SyslogHandler {
	return &SyslogHandler{
		Level: s.level(), Ident: cmp.Or(s.text("ident"), ident),
		Facility: s.number("facility", syslogFacility), Options: s.number("logopts", 0),
	}
}

func (s settings) gelf() *GELFHandler {
	h := &GELFHandler{Level: s.level(), DefaultFormatter: s["use_default_formatter"] == true, Additional: map[string]string{}}
	additional, _ := s.section("additional")
	for key, v := range additional {
		h.Additional[key] = additional.text(key)
		if encoded, err := json.Marshal(v); err == nil && h.Additional[key] == "" && v != nil {
			h.Additional[key] = string(encoded)
		}
	}
	transports, _ := s.section("transport")
	for _, kind := range []string{"http", "tcp", "udp"} {
		if t, ok := transports.section(kind); ok {
			h.Transport, h.Host, h.Port, h.Path = kind, t.text("host"), t.number("port", 12201), t.text("path")
			h.Timeout, h.ChunkSize = t.number("connection_timeout", gelfTimeout), t.number("chunk_size", gelfChunk)
			break
		}
	}
	return h
}
