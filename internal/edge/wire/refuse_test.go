package wire

import "testing"

func TestRefuse(t *testing.T) {
	const post, host = "POST / HTTP/1.1\r\n", "Host: a\r\n"
	for _, tt := range []struct {
		name, head string
		want       int
	}{
		{"plain", post + host + "\r\n", 0},
		{"chunks", post + host + "Transfer-Encoding: chunked\r\n\r\n", 0},
		{"length", post + host + "Content-Length: 5\r\n\r\n", 0},
		{"old", "POST / HTTP/1.0\r\nContent-Length: 5\r\n\r\n", 0},
		{"continue", post + host + "Expect: 100-Continue\r\n\r\n", 0},
		{"empty lines first", "\r\n\r\n" + post + host + "\r\n", 0},
		{"length and chunks", post + host + "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n", 400},
		{"chunks and length, in any case", post + host + "TRANSFER-encoding: chunked\r\ncontent-LENGTH: 5\r\n\r\n", 400},
		{"chunks in 1.0", "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n", 400},
		{"line feed after the first line", "POST / HTTP/1.1\n" + host + "\r\n", 400},
		{"line feed after a field", post + "Host: a\nX: b\r\n\r\n", 400},
		{"line feed at the end", post + host + "\n", 400},
		{"line feed within a field", post + "X: a\n\nGET /smuggled HTTP/1.1\r\n" + host + "\r\n", 400},
		{"expectation", post + host + "Expect: a miracle\r\n\r\n", 417},
	} {
		if got := Refuse([]byte(tt.head)); got != tt.want {
			t.Errorf("%s: %d, want %d", tt.name, got, tt.want)
		}
	}
}
