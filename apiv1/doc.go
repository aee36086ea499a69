// Package apiv1 is the public face of Sluice's HTTP API: the JSON that crosses the wire,
// the error responses and a typed client.
//
// The shapes are those of the platform API that existing command line clients and SDKs
// speak: HAL links whose presence says what is allowed, "accepted" responses that embed the
// activities they started, log streams of one JSON object per line that end in a seal.
//
// It may import the standard library only: it is layer 0, and other programs import it.
//
// # Exec
//
// POST …/environments/{e}/exec runs a command in an application's container over one
// HTTP/1.1 connection. The request carries an [ExecCommand] as JSON and the headers
// "Connection: Upgrade" and "Upgrade: sluice-exec/1"; the server responds 101 and both sides
// go on with frames on the same connection. An error before the command starts is an
// ordinary error response. A frame is
//
//	byte 0     its FrameType
//	byte 1-4   length of the payload, big endian, at most MaxFrame
//	byte 5-    payload
//
// The client sends FrameStdin (an empty payload ends the input) and FrameResize; the
// server sends FrameStdout, FrameStderr and, last, one of FrameExit and FrameError. A client
// that goes away ends the command.
//
// POST …/environments/{e}/database speaks the same protocol with a [DatabaseCommand].
package apiv1
