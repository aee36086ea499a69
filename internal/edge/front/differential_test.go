package front

import (
	"net/http"
	"slices"
	"strings"
	"testing"
)

// difference is a conversation, and why front means something else than net/http.
type difference struct {
	name, text string
	closes     string // why front says, or does not say, that an answer is the last
	answers    string // why it answers differently
}

const (
	get  = " HTTP/1.1\r\nHost: shop.test\r\n"
	plus = "GET /next" + get + "\r\n" // a request behind the one that a case is about
)

// same are conversations that mean the same with both servers.
func same() []difference {
	return slices.Concat(versions(), bodies(), targets(), fields(), answers())
}

func versions() []difference {
	return []difference{
		{name: "plain", text: "GET /" + get + "\r\n" + plus},
		{name: "1.0", text: "GET / HTTP/1.0\r\n\r\n" + plus},
		{name: "1.0 keep-alive", text: "GET / HTTP/1.0\r\nHost: a\r\nConnection: keep-alive\r\n\r\n" + plus},
		{name: "1.0 keep-alive after 1.1", text: plus + "GET / HTTP/1.0\r\nHost: a\r\nConnection: Keep-Alive\r\n\r\n" + plus},
		{name: "0.9", text: "GET /\r\n\r\n"},
		{name: "1.2", text: "GET / HTTP/1.2\r\nHost: a\r\n\r\n" + plus},
		{name: "2.0 in clear", text: "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"},
		{name: "lower case version", text: "GET / http/1.1\r\nHost: a\r\n\r\n" + plus},
		{name: "keep-alive", text: "GET /" + get + "Connection: keep-alive\r\n\r\n" + plus},
		{name: "close", text: "GET /" + get + "Connection: close\r\n\r\n" + plus},
		{name: "Close", text: "GET /" + get + "Connection: ClOsE\r\n\r\n" + plus},
		{name: "close in a list", text: "GET /" + get + "Connection: X, close\r\n\r\n" + plus},
		{name: "close and keep-alive", text: "GET /" + get + "Connection: keep-alive, close\r\n\r\n" + plus},
		{name: "close in a second field", text: "GET /" + get + "Connection: keep-alive\r\nConnection: close\r\n\r\n" + plus},
		{name: "empty connection", text: "GET /" + get + "Connection:\r\n\r\n" + plus},
		{name: "upgrade", text: "GET /" + get + "Connection: Upgrade\r\nUpgrade: websocket\r\n\r\n" + plus},
		{name: "upgrade to http 2", text: "GET /" + get + "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n\r\n" + plus},
		{name: "unknown method", text: "BREW /" + get + "\r\n" + plus},
		{name: "lower case method", text: "get /" + get + "\r\n" + plus},
		{name: "three at once", text: plus + "POST /" + get + "Content-Length: 2\r\n\r\nhi" + plus},
	}
}

func bodies() []difference {
	const post = "POST /" + get
	return []difference{
		{name: "length", text: post + "Content-Length: 5\r\n\r\nhello" + plus},
		{name: "no length", text: post + "\r\n" + plus},
		{name: "length 0", text: post + "Content-Length: 0\r\n\r\n" + plus},
		{name: "length with zeros", text: post + "Content-Length: 0005\r\n\r\nhello" + plus},
		{name: "signed length", text: post + "Content-Length: +5\r\n\r\nhello" + plus},
		{name: "negative length", text: post + "Content-Length: -5\r\n\r\nhello" + plus},
		{name: "length is a list", text: post + "Content-Length: 5, 5\r\n\r\nhello" + plus},
		{name: "same length twice", text: post + "Content-Length: 5\r\nContent-Length: 5\r\n\r\nhello" + plus},
		{name: "two lengths", text: post + "Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello" + plus},
		{name: "empty length", text: post + "Content-Length:\r\n\r\n" + plus},
		{name: "endless length", text: post + "Content-Length: 99999999999999999999\r\n\r\nhello"},
		{name: "largest length", text: post + "Content-Length: 9223372036854775807\r\n\r\nhello"},
		{name: "longer than its length", text: post + "Content-Length: 2\r\n\r\nhello" + plus},
		{name: "shorter than its length", text: post + "Content-Length: 500\r\n\r\nhello"},
		{name: "body of a get", text: "GET /" + get + "Content-Length: 5\r\n\r\nhello" + plus},
		{name: "body of a head", text: "HEAD /" + get + "Content-Length: 5\r\n\r\nhello" + plus},
		{name: "body of options", text: "OPTIONS /" + get + "Content-Length: 5\r\n\r\nhello" + plus},
		{name: "delete with a body", text: "DELETE /" + get + "Content-Length: 5\r\n\r\nhello" + plus},
		{name: "chunks", text: post + "Transfer-Encoding: chunked\r\n\r\n3\r\nhel\r\n2;a=b\r\nlo\r\n0\r\n\r\n" + plus},
		{name: "trailer", text: post + "Trailer: X-Sum\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\nX-Sum: 7\r\n\r\n" + plus},
		{name: "malformed chunk", text: post + "Transfer-Encoding: chunked\r\n\r\nzz\r\nhi\r\n0\r\n\r\n" + plus},
		{name: "chunks and a length", text: post + "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n" + plus, answers: "two ways to find the end are refused"},
		{name: "other coding", text: post + "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n" + plus},
		{name: "chunked twice", text: post + "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + plus},
		{name: "expect", text: post + "Expect: 100-continue\r\nContent-Length: 5\r\n\r\nhello" + plus},
		{name: "expect, unread", text: "POST /unread" + get + "Expect: 100-continue\r\nContent-Length: 5\r\n\r\nhello" + plus},
		{name: "expect something else", text: post + "Expect: a miracle\r\nContent-Length: 5\r\n\r\nhello" + plus, answers: "the refusal has a body"},
		{name: "unread", text: "POST /unread" + get + "Content-Length: 5\r\n\r\nhello" + plus},
		{name: "unread and long", text: "POST /unread" + get + "Content-Length: 100000\r\n\r\n" + strings.Repeat("x", 100_000) + plus},
		{name: "unread and too long", text: "POST /unread" + get + "Content-Length: 300000\r\n\r\n" + strings.Repeat("x", 300_000) + plus},
		{name: "unread and cut off", text: "POST /unread" + get + "Content-Length: 1000\r\n\r\nhello", closes: "the answer is not kept back until the body has come"},
		{name: "unread, answer is flushed", text: "POST /flush" + get + "Content-Length: 100000\r\n\r\n" + strings.Repeat("x", 100_000) + plus},
		{name: "partly read", text: "POST /partly" + get + "Content-Length: 50000\r\n\r\n" + strings.Repeat("x", 50_000) + plus},
		{name: "closed by the handler", text: "POST /closed" + get + "Content-Length: 5\r\n\r\nhello" + plus},
		{name: "line ends after a post", text: post + "Content-Length: 2\r\n\r\nhi\r\n" + plus},
		{name: "many line ends after a post", text: post + "Content-Length: 2\r\n\r\nhi\r\n\r\n\r\n" + plus},
		{name: "line ends after a get", text: plus + "\r\n" + plus},
		{name: "line ends after a put", text: "PUT /" + get + "Content-Length: 2\r\n\r\nhi\r\n" + plus},
	}
}

func targets() []difference {
	return []difference{
		{name: "query", text: "GET /a/b%2Fc?x=1;y&%zz" + get + "\r\n" + plus},
		{name: "question mark alone", text: "GET /a?" + get + "\r\n" + plus},
		{name: "bad escape", text: "GET /%zz" + get + "\r\n" + plus},
		{name: "two slashes", text: "GET //other.test/a" + get + "\r\n" + plus},
		{name: "dots", text: "GET /../a/./b" + get + "\r\n" + plus},
		{name: "fragment", text: "GET /a#b" + get + "\r\n" + plus},
		{name: "absolute", text: "GET http://other.test/a?b" + get + "\r\n" + plus},
		{name: "absolute with a user", text: "GET http://u:p@other.test/a" + get + "\r\n" + plus},
		{name: "relative", text: "GET a" + get + "\r\n" + plus},
		{name: "empty", text: "GET " + get + "\r\n" + plus},
		{name: "options of all", text: "OPTIONS *" + get + "\r\n" + plus},
		{name: "star", text: "GET *" + get + "\r\n" + plus},
		{name: "connect", text: "CONNECT shop.test:443" + get + "\r\n" + plus},
		{name: "space", text: "GET /a b" + get + "\r\n" + plus},
		{name: "two spaces", text: "GET  /a" + get + "\r\n" + plus},
		{name: "tab", text: "GET\t/a" + get + "\r\n" + plus},
		{name: "high bytes", text: "GET /\xc3\xa9\xff" + get + "\r\n" + plus},
		{name: "zero byte", text: "GET /\x00" + get + "\r\n" + plus},
		{name: "carriage return", text: "GET /\ra" + get + "\r\n" + plus},
		{name: "host with port", text: "GET / HTTP/1.1\r\nHost: shop.test:8080\r\n\r\n" + plus},
		{name: "no host", text: "GET / HTTP/1.1\r\n\r\n" + plus},
		{name: "empty host", text: "GET / HTTP/1.1\r\nHost:\r\n\r\n" + plus},
		{name: "two hosts", text: "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n" + plus},
		{name: "the same host twice", text: "GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n" + plus},
		{name: "empty host, then one", text: "GET / HTTP/1.1\r\nHost:\r\nHost: a\r\n\r\n" + plus},
		{name: "host with a path", text: "GET / HTTP/1.1\r\nHost: a/b\r\n\r\n" + plus},
		{name: "host with a user", text: "GET / HTTP/1.1\r\nHost: u@a\r\n\r\n" + plus},
		{name: "host with a space", text: "GET / HTTP/1.1\r\nHost: a b\r\n\r\n" + plus},
		{name: "IPv6 host", text: "GET / HTTP/1.1\r\nHost: [::1]:80\r\n\r\n" + plus},
	}
}

func fields() []difference {
	return []difference{
		{name: "space around a value", text: "GET /" + get + "A: \t b c\t \r\n\r\n" + plus},
		{name: "no space", text: "GET /" + get + "A:b\r\n\r\n" + plus},
		{name: "space before the colon", text: "GET /" + get + "A : b\r\n\r\n" + plus},
		{name: "space before the name", text: "GET / HTTP/1.1\r\n Host: a\r\n\r\n" + plus},
		{name: "folded", text: "GET /" + get + "A: b\r\n c\r\n\r\n" + plus},
		{name: "empty name", text: "GET /" + get + ": b\r\n\r\n" + plus},
		{name: "no colon", text: "GET /" + get + "A b\r\n\r\n" + plus},
		{name: "odd name", text: "GET /" + get + "x_Y-z!~: b\r\n\r\n" + plus},
		{name: "name that is no token", text: "GET /" + get + "A(b): c\r\n\r\n" + plus},
		{name: "repeated", text: "GET /" + get + "a: 1\r\nA: 2\r\nA:\r\n\r\n" + plus},
		{name: "zero byte in a value", text: "GET /" + get + "A: b\x00c\r\n\r\n" + plus},
		{name: "carriage return in a value", text: "GET /" + get + "A: b\rc\r\n\r\n" + plus},
		{name: "delete in a value", text: "GET /" + get + "A: b\x7fc\r\n\r\n" + plus},
		{name: "high bytes in a value", text: "GET /" + get + "A: \xe9\xff\r\n\r\n" + plus},
		{name: "line feeds alone", text: "GET / HTTP/1.1\nHost: a\nA: b\n\n" + plus, answers: "line feeds alone are refused"},
		{name: "mixed line ends", text: "GET /" + get + "A: b\n\r\n" + plus, answers: "the same"},
		{name: "pragma", text: "GET /" + get + "Pragma: no-cache\r\n\r\n" + plus},
		{name: "long", text: "GET /" + get + "A: " + strings.Repeat("x", 20<<10) + "\r\n\r\n" + plus},
		{name: "too long", text: "GET /" + get + "A: " + strings.Repeat("x", 50<<10) + "\r\n\r\n" + plus},
		{name: "many fields", text: "GET /" + get + strings.Repeat("A: b\r\n", 1000) + "\r\n" + plus},
		{name: "nothing", text: ""},
		{name: "line ends only", text: "\r\n\r\n"},
		{name: "TLS", text: "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"},
	}
}

// answers are the paths of answersOf, with the methods that make a difference.
func answers() (all []difference) {
	known := map[string]string{
		"closing":      "net/http says that it closes the connection and does not",
		"head closing": "the same",
		"post closing": "the same",
		"head length":  "net/http passes on a length that is no number",
	}
	for path := range answersOf(refusing{}) {
		all = append(all,
			difference{name: "answer " + path, text: "GET /" + path + get + "\r\n" + plus, answers: known[path]},
			difference{name: "answer head " + path, text: "HEAD /" + path + get + "\r\n" + plus, answers: known["head "+path]},
			difference{name: "answer post " + path, text: "POST /" + path + get + "Content-Length: 5\r\n\r\nhello" + plus, answers: known["post "+path]})
	}
	return all
}

// refusing is a ResponseWriter for asking which answers there are.
type refusing struct{ http.ResponseWriter }

func (refusing) Header() http.Header { return http.Header{} }

// TestClientsSeeNoDifference: whatever a client sends, front means the same as net/http.
func TestClientsSeeNoDifference(t *testing.T) {
	tw := newTwins(t, "tcp", http.HandlerFunc(mirror))
	for _, tt := range same() {
		t.Run(tt.name, func(t *testing.T) {
			ours, plain := converse(t, tw.ours, tt.text), converse(t, tw.plain, tt.text)
			if tt.closes != "" {
				forgetClose(ours, plain)
			}
			if different := !slices.Equal(ours, plain); different != (tt.answers != "") {
				t.Errorf("front\n%+v\nnet/http\n%+v", ours, plain)
			}
		})
	}
}

// forgetClose makes the last answers alike in what they say about the connection's end,
// where both end it.
func forgetClose(ours, plain []said) {
	if len(ours) > 0 && len(ours) == len(plain) {
		ours[len(ours)-1].closes, plain[len(plain)-1].closes = true, true
	}
}

// FuzzClientsSeeNoDifference changes those conversations. An answer that is not kept back
// until the request's body has come cannot say that it will be the last because the body
// did not; so the last answers may differ in that.
func FuzzClientsSeeNoDifference(f *testing.F) {
	for _, tt := range same() {
		if len(tt.text) < 4<<10 && tt.answers == "" {
			f.Add(tt.text)
		}
	}
	tw := newTwins(f, "unix", http.HandlerFunc(mirror))
	f.Fuzz(func(t *testing.T, text string) {
		compare(t, tw, text)
	})
}

// words are what conversations consist of.
func words() []string {
	return []string{
		"GET ", "POST ", "PUT ", "HEAD ", "DELETE ", "OPTIONS ", "BREW ", "/", "/unread", "/partly", "/flush", "/304", "/204", "/trailer", "/hop",
		"/announced", "/late", "/short", "/a%2Fb?c", "http://o.test/x", "*", " HTTP/1.1\r\n", " HTTP/1.0\r\n", " HTTP/1.1\n", "Host: shop.test\r\n", "Host: a\r\n", "Host:\r\n",
		"Connection: close\r\n", "Connection: keep-alive\r\n", "Connection: X-A, close\r\n", "Connection: Upgrade\r\n", "Upgrade: websocket\r\n",
		"Content-Length: 0\r\n", "Content-Length: 3\r\n", "Content-Length: 5\r\n", "Content-Length: 05\r\n", "Content-Length: 300000\r\n", "Content-Length: 3\r\nContent-Length: 3\r\n",
		"Transfer-Encoding: chunked\r\n", "Transfer-Encoding: identity\r\n", "Expect: 100-continue\r\n", "Trailer: X-Sum\r\n", "X-A: 1\r\n", "x-a:2\r\n", " folded\r\n", "Pragma: no-cache\r\n",
		"Te: trailers\r\n", "Accept-Encoding: gzip\r\n", "A : b\r\n", ": b\r\n", "\r\n", "\n", "\r", "abc", "hello", "3\r\nabc\r\n", "0\r\n\r\n", "0\r\nX-Sum: 7\r\n\r\n", "5;x=y\r\nhello\r\n",
		"GET / HTTP/1.1\r\nHost: shop.test\r\n\r\n", "POST / HTTP/1.1\r\nHost: shop.test\r\nContent-Length: 3\r\n\r\nabc", strings.Repeat("x", 5000), "\x00", "\xff",
	}
}

// FuzzConversationsOfWords puts conversations together from pieces that mean something.
func FuzzConversationsOfWords(f *testing.F) {
	f.Add([]byte{0, 7, 22, 25, 51})
	f.Add([]byte{1, 8, 22, 25, 34, 51, 54, 60})
	f.Add([]byte{60, 1, 9, 22, 26, 35, 51, 55, 51, 60})
	f.Add([]byte{1, 7, 22, 25, 39, 42, 51, 56, 58, 60})
	vocabulary := words()
	tw := newTwins(f, "unix", http.HandlerFunc(mirror))
	f.Fuzz(func(t *testing.T, said []byte) {
		if len(said) > 200 {
			return
		}
		var b strings.Builder
		for _, word := range said {
			b.WriteString(vocabulary[int(word)%len(vocabulary)])
		}
		compare(t, tw, b.String())
	})
}

// compare has the conversation with both servers. One as long as the limit on a header is
// left out: net/http does not count what it has read along with the request before.
func compare(t *testing.T, tw twins, text string) {
	t.Helper()
	if len(text) > 32<<10 {
		return
	}
	ours, plain := converse(t, tw.ours, text), converse(t, tw.plain, text)
	forgetClose(ours, plain)
	if last := len(ours) - 1; last >= 0 && last <= len(plain) && ours[last].status >= 400 {
		ours, plain = ours[:last], plain[:last] // wire.Refuse is stricter
	}
	if !slices.Equal(ours, plain) {
		t.Errorf("%q\nfront\n%+v\nnet/http\n%+v", text, ours, plain)
	}
}
