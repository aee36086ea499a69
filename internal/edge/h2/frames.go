package h2

import (
	"encoding/binary"

	"golang.org/x/net/http2"
)

// The frames that a server writes (RFC 9113 6), appended to what is to be written. The
// lock is held.

func (c *Conn) appendHead(length int, kind http2.FrameType, flags http2.Flags, stream uint32) {
	c.room()
	c.out = binary.BigEndian.AppendUint32(c.out, uint32(length)<<8|uint32(kind)) //nolint:gosec // at most a frame
	c.out = append(c.out, byte(flags))
	c.out = binary.BigEndian.AppendUint32(c.out, stream)
}

func (c *Conn) appendSettings(list ...http2.Setting) {
	c.appendHead(6*len(list), http2.FrameSettings, 0, 0)
	for _, s := range list {
		c.out = binary.BigEndian.AppendUint16(c.out, uint16(s.ID))
		c.out = binary.BigEndian.AppendUint32(c.out, s.Val)
	}
}

func (c *Conn) appendSettingsAck() {
	c.control++
	c.appendHead(0, http2.FrameSettings, http2.FlagSettingsAck, 0)
}

func (c *Conn) appendPing(ack bool, data [8]byte) {
	c.control++
	flags := http2.Flags(0)
	if ack {
		flags = http2.FlagPingAck
	}
	c.appendHead(len(data), http2.FramePing, flags, 0)
	c.out = append(c.out, data[:]...)
}

func (c *Conn) appendGoAway(last uint32, code http2.ErrCode) {
	c.appendHead(8, http2.FrameGoAway, 0, 0)
	c.out = binary.BigEndian.AppendUint32(c.out, last)
	c.out = binary.BigEndian.AppendUint32(c.out, uint32(code))
}

func (c *Conn) appendReset(stream uint32, code http2.ErrCode) {
	c.control++
	c.ended[c.resets%len(c.ended)] = stream
	c.resets++
	c.appendHead(4, http2.FrameRSTStream, 0, stream)
	c.out = binary.BigEndian.AppendUint32(c.out, uint32(code))
}

func (c *Conn) appendWindowUpdate(stream uint32, n int) {
	c.control++
	c.appendHead(4, http2.FrameWindowUpdate, 0, stream)
	c.out = binary.BigEndian.AppendUint32(c.out, uint32(n)) //nolint:gosec // at most a window
}

// appendBlock appends the fields that were coded, as one frame or several.
func (c *Conn) appendBlock(stream uint32, end bool) {
	kind, flags := http2.FrameHeaders, http2.Flags(0)
	if end {
		flags = http2.FlagHeadersEndStream
	}
	for {
		part := c.block.Next(c.frame)
		if c.block.Len() == 0 {
			flags |= http2.FlagHeadersEndHeaders
		}
		c.appendHead(len(part), kind, flags, stream)
		c.out = append(c.out, part...)
		if c.block.Len() == 0 {
			c.block.Reset()
			return
		}
		kind, flags = http2.FrameContinuation, 0
	}
}

func (c *Conn) appendData(stream uint32, p []byte, end bool) {
	flags := http2.Flags(0)
	if end {
		flags = http2.FlagDataEndStream
	}
	c.appendHead(len(p), http2.FrameData, flags, stream)
	c.out = append(c.out, p...)
}
