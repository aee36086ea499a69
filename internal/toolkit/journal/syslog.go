package journal

import (
	"fmt"
	"log/syslog"
	"net"
	"os"
	"strings"

	"sluice/internal/toolkit/fault"
)

// severity returns the severity of syslog(3) for a level.
func severity(l fault.Level) int {
	switch l {
	case fault.Emergency:
		return 0
	case fault.Alert:
		return 1
	case fault.Critical:
		return 2
	case fault.Error:
		return 3
	case fault.Warning:
		return 4
	case fault.Notice:
		return 5
	case fault.Info:
		return 6
	case fault.Debug:
	}
	return 7
}

// Syslog is a handler that writes to the syslog of this machine.
type Syslog struct {
	Ident    string
	Facility int // as in syslog(3): 8 is LOG_USER
	// Network and Address are for a socket elsewhere than /dev/log; both "" is the default.
	Network, Address string

	w *syslog.Writer
}

// Handle writes a record.
func (h *Syslog) Handle(r Record) error {
	if h.w == nil {
		w, err := syslog.Dial(h.Network, h.Address, syslog.Priority(h.Facility), h.Ident)
		if err != nil {
			return fmt.Errorf("syslog: %w", err)
		}
		h.w = w
	}
	text := Text(r)
	switch severity(r.Level) {
	case 0:
		return h.w.Emerg(text)
	case 1:
		return h.w.Alert(text)
	case 2:
		return h.w.Crit(text)
	case 3:
		return h.w.Err(text)
	case 4:
		return h.w.Warning(text)
	case 5:
		return h.w.Notice(text)
	case 6:
		return h.w.Info(text)
	}
	return h.w.Debug(text)
}

// Close closes the connection.
func (h *Syslog) Close() error {
	if h.w == nil {
		return nil
	}
	return h.w.Close()
}

// SyslogUDP is a handler that writes to a remote syslog, one datagram for each line of a
// record (RFC 5424).
type SyslogUDP struct {
	Address  string // host:port
	Ident    string
	Facility int
	Hostname string

	conn net.Conn
}

// maxDatagram bounds the text of a datagram, in bytes.
const maxDatagram = 60000

// Handle sends a record.
func (h *SyslogUDP) Handle(r Record) error {
	if h.conn == nil {
		conn, err := dial("udp", h.Address, notifyTimeout)
		if err != nil {
			return fmt.Errorf("syslog_udp: %w", err)
		}
		h.conn = conn
	}
	header := fmt.Sprintf("<%d>1 %s %s %s %d - - ", h.Facility|severity(r.Level), r.Time.UTC().Format("2006-01-02T15:04:05.000000Z07:00"), nilValue(h.Hostname), nilValue(h.Ident), os.Getpid())
	for line := range strings.SplitSeq(Text(r), "\n") {
		if line == "" {
			continue
		}
		if _, err := h.conn.Write([]byte(header + line[:min(len(line), maxDatagram)])); err != nil {
			return fmt.Errorf("syslog_udp: %w", err)
		}
	}
	return nil
}

func nilValue(text string) string {
	text = strings.ReplaceAll(text, " ", "_")
	if text == "" {
		return "-"
	}
	return text
}

// Close closes the connection.
func (h *SyslogUDP) Close() error {
	if h.conn == nil {
		return nil
	}
	return h.conn.Close()
}
