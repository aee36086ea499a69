package journal

import (
	"bytes"
	"crypto/tls"
	"encoding/base64"
	"errors"
	"fmt"
	"mime"
	"net"
	"net/smtp"
	"strings"
	"time"
)

// Email is a handler that collects records and sends them as one mail when it is closed:
// a mail for each record, as the original does, makes people filter them.
type Email struct {
	Server   string // host:port of an SMTP server
	User     string // "": no authentication
	Password string
	From     string
	To       []string
	Subject  string
	Now      func() time.Time

	lines []string
}

// maxMailLines bounds a mail; the last lines are kept.
const maxMailLines = 2000

// Handle keeps a record for the mail.
func (h *Email) Handle(r Record) error {
	h.lines = append(h.lines, Line(r))
	if len(h.lines) > maxMailLines {
		h.lines = h.lines[1:]
	}
	return nil
}

// Close sends the mail, if there was any record.
func (h *Email) Close() error {
	if len(h.lines) == 0 {
		return nil
	}
	if h.Server == "" || len(h.To) == 0 {
		return errors.New("could not send mail: no SMTP server or no recipient is configured; set PLATFORM_SMTP_HOST and log.email.to")
	}
	if err := h.send(); err != nil {
		return fmt.Errorf("mail to %s: %w", strings.Join(h.To, ", "), err)
	}
	h.lines = nil
	return nil
}

func (h *Email) send() error {
	conn, err := dial("tcp", h.Server, notifyTimeout)
	if err != nil {
		return err
	}
	if err := conn.SetDeadline(time.Now().Add(4 * notifyTimeout)); err != nil {
		return errors.Join(err, conn.Close())
	}
	host, _, _ := net.SplitHostPort(h.Server)
	c, err := smtp.NewClient(conn, host)
	if err != nil {
		return errors.Join(err, conn.Close())
	}
	if err := h.transfer(c, host); err != nil {
		return errors.Join(err, c.Close())
	}
	return c.Quit()
}

func (h *Email) transfer(c *smtp.Client, host string) error {
	if ok, _ := c.Extension("STARTTLS"); ok {
		if err := c.StartTLS(&tls.Config{ServerName: host, MinVersion: tls.VersionTLS12}); err != nil {
			return err
		}
	}
	if h.User != "" {
		if err := c.Auth(smtp.PlainAuth("", h.User, h.Password, host)); err != nil {
			return err
		}
	}
	if err := c.Mail(h.From); err != nil {
		return err
	}
	for _, to := range h.To {
		if err := c.Rcpt(to); err != nil {
			return err
		}
	}
	w, err := c.Data()
	if err != nil {
		return err
	}
	if _, err := w.Write(h.message()); err != nil {
		return err
	}
	return w.Close()
}

// message returns the mail; addresses and subject cannot add headers.
func (h *Email) message() []byte {
	clean := strings.NewReplacer("\r", " ", "\n", " ").Replace
	var b bytes.Buffer
	fmt.Fprintf(&b, "From: %s\r\nTo: %s\r\nSubject: %s\r\nDate: %s\r\n", clean(h.From), clean(strings.Join(h.To, ", ")), mime.QEncoding.Encode("utf-8", clean(h.Subject)), h.Now().Format(time.RFC1123Z))
	b.WriteString("MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: base64\r\n\r\n")
	text := base64.StdEncoding.EncodeToString([]byte(strings.Join(h.lines, "\n") + "\n"))
	for len(text) > 76 {
		b.WriteString(text[:76] + "\r\n")
		text = text[76:]
	}
	b.WriteString(text + "\r\n")
	return b.Bytes()
}
