package h2

import (
	"net/http"
	"slices"
	"strings"

	"golang.org/x/net/http2"

	"sluice/internal/edge/wire"
)

// take acts on a frame. An error ends the connection; what is wrong with one stream only
// ends that. f is nil for a frame that was dealt with.
func (c *Conn) take(f http2.Frame) error {
	err := c.takeFrame(f)
	if reset, ok := err.(http2.StreamError); ok { //nolint:errorlint // never wrapped
		err = c.broken(reset)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if err == nil && c.control > maxControl {
		err = http2.ConnectionError(http2.ErrCodeEnhanceYourCalm)
	}
	if c.in.Buffered() == 0 || len(c.out) > record {
		c.kick()
	}
	return err
}

func (c *Conn) takeFrame(f http2.Frame) error {
	if h, ok := f.(*http2.MetaHeadersFrame); ok {
		return c.takeHeaders(h)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	switch f := f.(type) {
	case *http2.DataFrame:
		return c.takeData(f)
	case *http2.SettingsFrame:
		return c.takeSettings(f)
	case *http2.WindowUpdateFrame:
		return c.takeWindowUpdate(f)
	case *http2.PingFrame:
		if f.IsAck() {
			c.asked.Store(0)
		} else {
			c.appendPing(true, f.Data)
		}
	case *http2.RSTStreamFrame:
		if c.isIdle(f.StreamID) {
			return http2.ConnectionError(http2.ErrCodeProtocol)
		}
		if st := c.streams[f.StreamID]; st != nil {
			c.remove(st)
			st.fail(errReset)
		}
	case *http2.PriorityFrame:
		if f.StreamDep == f.StreamID {
			return http2.StreamError{StreamID: f.StreamID, Code: http2.ErrCodeProtocol}
		}
	case *http2.GoAwayFrame:
		c.leave()
	case *http2.PushPromiseFrame:
		return http2.ConnectionError(http2.ErrCodeProtocol)
	}
	return nil // what is not known
}

// isIdle reports whether a client has not used a stream yet. It cannot use those of even
// numbers.
func (c *Conn) isIdle(id uint32) bool { return id > c.newest || id%2 == 0 }

// unread ends a stream of which a frame was not understood: one with a header, mostly,
// which counts as used by it.
func (c *Conn) unread(e http2.StreamError) error {
	c.mu.Lock()
	if e.StreamID%2 == 1 {
		c.newest = max(c.newest, e.StreamID)
	}
	c.mu.Unlock()
	return c.broken(e)
}

// broken ends a stream that the client broke, known or not.
func (c *Conn) broken(e http2.StreamError) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if st := c.streams[e.StreamID]; st != nil {
		c.reset(st, e.Code, errReset)
		return nil
	}
	c.appendReset(e.StreamID, e.Code)
	return nil
}

// reset ends a stream.
func (c *Conn) reset(st *stream, code http2.ErrCode, cause error) {
	c.remove(st)
	c.appendReset(st.id, code)
	c.kick()
	st.fail(cause)
}

// remove forgets a stream. What of its body was not read counts as read.
func (c *Conn) remove(st *stream) {
	if c.streams[st.id] != st {
		return
	}
	delete(c.streams, st.id)
	if n := st.body.left(); n > 0 {
		c.gave(nil, n)
	}
	if len(c.streams) == 0 {
		c.since.Store(c.o.Now())
	}
}

// gave announces that a client may send more; st is nil when its body is of no interest.
func (c *Conn) gave(st *stream, n int) {
	if n := c.credit.give(n); n > 0 {
		c.appendWindowUpdate(0, n)
	}
	if st == nil || st.received {
		return
	}
	if n := st.credit.give(n); n > 0 {
		c.appendWindowUpdate(st.id, n)
	}
}

func (c *Conn) takeData(f *http2.DataFrame) error {
	id, length, data := f.StreamID, int(f.Length), f.Data()
	if c.isIdle(id) {
		return http2.ConnectionError(http2.ErrCodeProtocol)
	}
	if !c.credit.take(length) {
		return http2.ConnectionError(http2.ErrCodeFlowControl)
	}
	st := c.streams[id]
	if st == nil || st.received {
		c.gave(nil, length)
		return http2.StreamError{StreamID: id, Code: http2.ErrCodeStreamClosed}
	}
	ok := st.credit.take(length)
	st.got += int64(len(data))
	if over := st.declared >= 0 && st.got > st.declared; over || !ok {
		c.gave(nil, length)
		code := http2.ErrCodeFlowControl
		if over {
			code = http2.ErrCodeProtocol // RFC 9113 8.1.1
		}
		return http2.StreamError{StreamID: id, Code: code}
	}
	if st.body.err != nil {
		c.gave(nil, len(data)) // it is not read any more
	} else {
		st.body.add(data)
	}
	if padding := length - len(data); padding > 0 {
		c.gave(st, padding)
	}
	if f.StreamEnded() {
		return st.end()
	}
	st.changed.Broadcast()
	return nil
}

func (c *Conn) takeSettings(f *http2.SettingsFrame) error {
	if f.IsAck() {
		return nil
	}
	for i := range f.NumSettings() {
		s := f.Setting(i)
		if err := s.Valid(); err != nil {
			return err
		}
		switch s.ID { //nolint:exhaustive // the others say nothing to a server without push
		case http2.SettingHeaderTableSize:
			c.fields.SetMaxDynamicTableSize(min(s.Val, tableSize))
		case http2.SettingMaxFrameSize:
			c.frame = int(min(s.Val, maxFrame))
		case http2.SettingInitialWindowSize:
			more := int64(s.Val) - c.initial
			c.initial = int64(s.Val)
			for _, st := range c.streams {
				if st.window += more; st.window > maxWindow {
					return http2.ConnectionError(http2.ErrCodeFlowControl)
				}
				st.changed.Broadcast()
			}
		}
	}
	c.appendSettingsAck()
	return nil
}

// maxWindow is the largest that there is (RFC 9113 6.9.1).
const maxWindow = 1<<31 - 1

func (c *Conn) takeWindowUpdate(f *http2.WindowUpdateFrame) error {
	if f.StreamID == 0 {
		if c.window += int64(f.Increment); c.window > maxWindow {
			return http2.ConnectionError(http2.ErrCodeFlowControl)
		}
		c.wakeWaiting()
		return nil
	}
	if c.isIdle(f.StreamID) {
		return http2.ConnectionError(http2.ErrCodeProtocol)
	}
	st := c.streams[f.StreamID]
	if st == nil {
		return nil // it is answered
	}
	if st.window += int64(f.Increment); st.window > maxWindow {
		return http2.StreamError{StreamID: f.StreamID, Code: http2.ErrCodeFlowControl}
	}
	st.changed.Broadcast()
	return nil
}

// takeHeaders begins a request, or ends a body with a trailer.
func (c *Conn) takeHeaders(f *http2.MetaHeadersFrame) error {
	id := f.StreamID
	if id%2 == 0 {
		return http2.ConnectionError(http2.ErrCodeProtocol)
	}
	c.mu.Lock()
	st := c.streams[id]
	if st != nil || id <= c.newest {
		defer c.mu.Unlock()
		if st == nil {
			return c.late(id)
		}
		return st.trailerCame(f)
	}
	leaving, full := c.leaving, len(c.streams) >= maxStreams
	c.newest = id
	c.mu.Unlock()
	if leaving {
		return nil // the client was told that it is not answered
	}
	if f.HasPriority() && f.Priority.StreamDep == id {
		return http2.StreamError{StreamID: id, Code: http2.ErrCodeProtocol}
	}
	if full {
		return http2.StreamError{StreamID: id, Code: http2.ErrCodeRefusedStream}
	}
	st, err := c.newStream(f)
	if err != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	st.window = c.initial
	c.streams[id] = st
	c.since.Store(0)
	if c.running < maxStreams {
		c.running++
		c.o.Workers.run(st)
		return nil
	}
	if c.queue = append(c.queue, st); len(c.queue) > maxQueued {
		return http2.ConnectionError(http2.ErrCodeEnhanceYourCalm)
	}
	return nil
}

// late is a header on a stream that has ended: of a client that did not know yet that it
// was reset, or that counts backwards.
func (c *Conn) late(id uint32) error {
	if slices.Contains(c.ended[:], id) {
		return nil
	}
	return http2.ConnectionError(http2.ErrCodeProtocol)
}

// newStream makes a request of a header.
func (c *Conn) newStream(f *http2.MetaHeadersFrame) (*stream, error) {
	st := &stream{conn: c, id: f.StreamID, received: f.StreamEnded(), declared: -1}
	st.credit = credit{left: c.o.StreamWindow, size: c.o.StreamWindow}
	st.changed.L = &c.mu
	if err := st.begin(f); err != nil {
		return nil, err
	}
	return st, nil
}

// header returns a request's fields. It reports false for those that HTTP/2 has no place
// for (RFC 9113 8.2.2).
func (c *Conn) header(f *http2.MetaHeadersFrame) (http.Header, bool) {
	fields := f.RegularFields()
	h := make(http.Header, len(fields)+1)
	values := make([]string, 0, len(fields)) // one allocation for all
	for _, field := range fields {
		switch field.Name {
		case "connection", "proxy-connection", "keep-alive", "transfer-encoding", "upgrade":
			return nil, false
		case "te":
			if field.Value != "trailers" {
				return nil, false
			}
		}
		name := c.canonicalName(field.Name)
		if have := h[name]; have != nil {
			h[name] = append(have, field.Value)
			continue
		}
		values = append(values, field.Value)
		n := len(values)
		h[name] = values[n-1 : n : n]
	}
	if cookies := h["Cookie"]; len(cookies) > 1 {
		h["Cookie"] = []string{strings.Join(cookies, "; ")}
	}
	return h, true
}

// maxNames bounds what is remembered of names.
const maxNames = 128

// canonicalName is http.CanonicalHeaderKey, which allocates, for the names of this client.
func (c *Conn) canonicalName(name string) string {
	if s, ok := c.canonical[name]; ok {
		return s
	}
	s := http.CanonicalHeaderKey(name)
	if len(c.canonical) < maxNames && len(name) < maxNames {
		c.canonical[name] = s
	}
	return s
}

// announced returns the trailer that a header announces; nil for none.
func announced(h http.Header) http.Header {
	lists := h["Trailer"]
	if lists == nil {
		return nil
	}
	delete(h, "Trailer")
	trailer := http.Header{}
	for _, name := range wire.Trailers(lists) {
		trailer[name] = nil
	}
	return trailer
}
