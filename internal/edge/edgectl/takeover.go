package edgectl

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"

	"sluice/internal/edge/handover"
)

const handoverPath = "/v1/handover"

// OnHandover sets what is done when a process asks to take over: give has the connection
// and closes it.
func (s *Server) OnHandover(give func(ctx context.Context, conn *net.UnixConn)) {
	s.mux.HandleFunc("POST "+handoverPath, func(w http.ResponseWriter, req *http.Request) {
		conn, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			write(w, http.StatusInternalServerError, newProblem(err))
			return
		}
		unixConn, ok := conn.(*net.UnixConn)
		if !ok {
			_ = conn.Close() // sockets can be passed over unix sockets only
			return
		}
		if _, err := io.WriteString(conn, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: handover\r\n\r\n"); err != nil {
			_ = conn.Close()
			return
		}
		give(context.WithoutCancel(req.Context()), unixConn)
	})
}

// TakeOver asks the router whose control socket is at path for its sockets and its state.
// The caller serves and then calls Ready, or Abort. It returns an error that is
// ErrNoRouter when none runs.
func TakeOver(ctx context.Context, path string) (*handover.Taken, error) {
	c, err := (&net.Dialer{}).DialContext(ctx, "unix", path)
	if err != nil {
		return nil, fmt.Errorf("%w on %s: %w", ErrNoRouter, path, err)
	}
	conn, ok := c.(*net.UnixConn)
	if !ok {
		return nil, errors.Join(errors.New("no unix socket"), c.Close())
	}
	if err := upgrade(conn); err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	taken, err := handover.Take(ctx, conn)
	if err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	return taken, nil
}

// ErrNoRouter says that no process listens on a control socket.
var ErrNoRouter = errors.New("no router runs")

// upgrade asks for the handover and reads the answer's header, one byte at a time: a byte
// more would take the descriptors that come with it.
func upgrade(conn net.Conn) error {
	_, err := io.WriteString(conn, "POST "+handoverPath+" HTTP/1.1\r\nHost: router\r\nContent-Length: 0\r\nConnection: Upgrade\r\nUpgrade: handover\r\n\r\n")
	if err != nil {
		return fmt.Errorf("ask the router that runs to hand over: %w", err)
	}
	var head strings.Builder
	for one := make([]byte, 1); !strings.HasSuffix(head.String(), "\r\n\r\n"); {
		if _, err := io.ReadFull(conn, one); err != nil || head.Len() > 4096 {
			return fmt.Errorf("ask the router that runs to hand over: %w", errors.Join(err, errors.New("it gave no answer")))
		}
		head.Write(one)
	}
	resp, err := http.ReadResponse(bufio.NewReader(strings.NewReader(head.String())), nil)
	if err != nil {
		return fmt.Errorf("ask the router that runs to hand over: %w", err)
	}
	_ = resp.Body.Close() // there is none
	if resp.StatusCode != http.StatusSwitchingProtocols {
		return fmt.Errorf("the router that runs cannot hand over (%s); stop it with SIGTERM and start this one", resp.Status)
	}
	return nil
}
