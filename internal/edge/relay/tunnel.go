package relay

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"

	"sluice/internal/edge/wire"
)

var errUpgrade = errors.New("the backend switched to another protocol than it was asked for")

// upgradeOf returns what the sender of a header wants to switch to, "" for nothing.
func upgradeOf(h http.Header) string {
	for _, list := range h["Connection"] {
		if wire.HasToken(list, "upgrade") {
			return upgradable(h.Get("Upgrade"))
		}
	}
	return ""
}

// upgradable drops an offer of other versions of HTTP, which a server may ignore: requests
// within such a connection would go past everything that the router decides.
func upgradable(protocol string) string {
	for name := range strings.SplitSeq(protocol, ",") {
		name, _, _ = strings.Cut(strings.ToLower(strings.TrimSpace(name)), "/")
		switch name {
		case "h2c", "h2", "http", "tls":
			return ""
		}
	}
	return protocol
}

// switchProtocols answers 101 and carries bytes both ways until one side ends.
func (x *exchange) switchProtocols(resp wire.Response) error {
	h := x.w.Header()
	setFields(h, &resp)
	x.job.Respond(resp.Status, h)
	asked, got := upgradeOf(x.req.Header), ""
	for _, f := range resp.Fields {
		if f.Name == "Upgrade" {
			got = f.Value
		}
	}
	if got == "" || !strings.EqualFold(asked, got) {
		return fmt.Errorf("%w: %q instead of %q", errUpgrade, got, asked)
	}
	h.Set("Connection", "Upgrade")
	h.Set("Upgrade", got)
	client, rw, err := http.NewResponseController(x.w).Hijack()
	if err != nil {
		return err
	}
	x.answered = true
	x.unfollowed()                    // the request ends when the client ends its side; the other may go on
	_ = x.up.SetDeadline(time.Time{}) // it was for the answer's head
	t := tunnel{client: client, backend: x.up.Conn}
	defer t.Abort()
	if !x.job.Attach(&t) {
		return nil // cut; both ends are closed
	}
	if err := writeSwitch(rw, h); err != nil {
		return nil // the client has left
	}
	var wg sync.WaitGroup
	wg.Go(func() {
		defer x.catch(t.Abort)
		t.carry(t.backend, rw.Reader)
	})
	wg.Go(func() {
		defer x.catch(t.Abort)
		if early := x.up.in.Rest(); len(early) > 0 {
			_, _ = t.client.Write(early) // when it fails the next write does
		}
		t.carry(t.client, t.backend)
	})
	wg.Wait()
	return nil
}

// writeSwitch sends the head of a 101.
func writeSwitch(w interface {
	io.Writer
	Flush() error
}, h http.Header,
) error {
	if _, err := io.WriteString(w, "HTTP/1.1 101 Switching Protocols\r\n"); err != nil {
		return err
	}
	if err := h.Write(w); err != nil {
		return err
	}
	if _, err := io.WriteString(w, "\r\n"); err != nil {
		return err
	}
	return w.Flush()
}

// tunnel is the two ends of an upgraded connection.
type tunnel struct{ client, backend net.Conn }

// Abort closes both ends.
func (t *tunnel) Abort() {
	_ = t.client.Close()
	_ = t.backend.Close()
}

// carry copies one way. After an orderly end of that side the other may still speak.
func (t *tunnel) carry(to net.Conn, from io.Reader) {
	if _, err := io.Copy(to, from); err != nil {
		t.Abort()
		return
	}
	half, ok := to.(interface{ CloseWrite() error })
	if !ok || half.CloseWrite() != nil {
		t.Abort()
	}
}
