package edge

import (
	"bufio"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"sluice/internal/platform"
)

// The poison tests send requests in unusual forms through a cache, and after each of them
// what ordinary visitors send: no visitor may get another page than the application itself
// has for that visitor. scripts/poison.sh gives the flags.
var (
	// session is the expression of the route: the page depends on no cookie besides.
	session        = regexp.MustCompile(`^SESS[a-z]$`)
	poisonDuration = flag.Duration("poison.duration", 0, "how long generated requests are sent; 0: some hundred of them")
	poisonBackend  = flag.String("poison.backend", "", "`address` of a real application that answers every path like poisonPage")
)

// poisonPage answers with everything that the route of the tests tells apart. read says how
// an application reads cookies and repeated fields.
func poisonPage(read func(http.Header) map[string]string) http.HandlerFunc {
	return func(w http.ResponseWriter, req *http.Request) {
		w.Header().Set("Cache-Control", "public, max-age=600")
		w.Header().Set("Vary", "Store")
		_ = json.NewEncoder(w).Encode(read(req.Header))
	}
}

// poisonReaders are applications that disagree about everything that can be disagreed about.
func poisonReaders() map[string]func(http.Header) map[string]string {
	return map[string]func(http.Header) map[string]string{
		"php":      poisonReader(func(v []string) string { return v[len(v)-1] }, phpCookies),
		"strict":   poisonReader(func(v []string) string { return v[0] }, strictCookies),
		"trimming": poisonReader(func(v []string) string { return strings.Join(v, ", ") }, trimmedCookies),
		"quoting":  poisonReader(func(v []string) string { return strings.Join(v, ",") }, quotedCookies),
	}
}

// poisonReader is an application that makes one value of a repeated field, and cookies of
// a line, in its own way.
func poisonReader(one func([]string) string, cookies func(string) map[string]string) func(http.Header) map[string]string {
	return func(h http.Header) map[string]string {
		seen := map[string]string{}
		for _, name := range []string{"Accept-Language", "Store", "Origin", "X-Forwarded-Prefix"} {
			if len(h[name]) > 0 {
				seen[name] = one(h[name])
			}
		}
		if len(h["Cookie"]) == 0 {
			return seen
		}
		for name, value := range cookies(one(h["Cookie"])) {
			if name == "X-Magento-Vary" || name == "store_group" || session.MatchString(name) {
				seen["cookie "+name] = value
			}
		}
		return seen
	}
}

func strictCookies(line string) map[string]string {
	all := map[string]string{}
	for pair := range strings.SplitSeq(line, "; ") {
		if name, value, ok := strings.Cut(pair, "="); ok {
			all[name] = value
		}
	}
	return all
}

func trimmedCookies(line string) map[string]string {
	all := map[string]string{}
	for pair := range strings.SplitSeq(line, ";") {
		name, value, _ := strings.Cut(pair, "=")
		if name = strings.TrimSpace(name); name != "" {
			all[name] = strings.Trim(strings.TrimSpace(value), `"`)
		}
	}
	return all
}

func quotedCookies(line string) map[string]string {
	all, start, quoted := map[string]string{}, 0, false
	for i := range len(line) + 1 {
		if i < len(line) && line[i] == '"' {
			quoted = !quoted
		}
		if i == len(line) || (line[i] == ';' && !quoted) {
			name, value, _ := strings.Cut(strings.TrimSpace(line[start:i]), "=")
			all[name], start = value, i+1
		}
	}
	return all
}

// phpCookies reads a line as PHP 7.1 does, which decodes names.
func phpCookies(line string) map[string]string {
	all := map[string]string{}
	for n, pair := range strings.Split(line, ";") {
		name, value, _ := strings.Cut(strings.TrimLeft(pair, " \t\v\f"), "=")
		name = strings.TrimLeft(decoded(name), " ")
		if base, rest, ok := strings.Cut(name, "["); ok {
			name = base
			if !strings.Contains(rest, "]") {
				name += "_" + rest
			}
		}
		name = strings.NewReplacer(".", "_", " ", "_").Replace(name)
		if _, had := all[name]; !had && name != "" && n < 1000 {
			all[name] = decoded(value)
		}
	}
	return all
}

func decoded(s string) string {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		c := s[i]
		if c == '+' {
			c = ' '
		}
		if c == '%' && i+2 < len(s) {
			if n, err := strconv.ParseUint(s[i+1:i+3], 16, 8); err == nil {
				c, i = byte(n), i+2
			}
		}
		b.WriteByte(c)
	}
	return b.String()
}

// ordinary are what visitors send whose pages are worth poisoning.
func ordinary() []string {
	return []string{
		"", "Cookie: X-Magento-Vary=vip\r\n", "Cookie: store_group=german\r\n", "Cookie: SESSa=1\r\n", "Cookie: X-Magento-Vary=vip; store_group=german\r\n",
		"Accept-Language: de\r\n", "Store: german\r\n", "Origin: https://other.test\r\n", "X-Forwarded-Prefix: /x\r\n",
	}
}

// poisoner makes unusual forms of ordinary requests.
type poisoner struct{ *rand.Rand }

func (p poisoner) pick(list ...string) string { return list[p.IntN(len(list))] }

func (p poisoner) sometimes(n int, s string) string {
	if p.IntN(n) == 0 {
		return s
	}
	return ""
}

// space is mostly nothing.
func (p poisoner) space() string {
	return p.sometimes(16, p.pick(" ", "\t", "  ", "\v", "\f", "\u00a0", "\u0085", "+", "%20", "%09", "%00", "\u2003"))
}

// cookieName changes a name so that some application may take it for the same.
func (p poisoner) cookieName(name string) string {
	switch p.IntN(24) {
	case 0:
		name = strings.ReplaceAll(name, "_", p.pick(".", " ", "[", "%5f", "%2E", "+", "%20", "%5B"))
	case 1:
		name += p.pick("[", "[]", "[x]", "]", "[a][b]", "%5B%5D", "%00", "%00x", "\x00")
	case 2:
		i := p.IntN(len(name))
		name = name[:i] + fmt.Sprintf("%%%02x", name[i]) + name[i+1:]
	case 3:
		name = p.pick(strings.ToLower(name), strings.ToUpper(name), `"`+name+`"`, "$"+name, name+",", name+":", ","+name)
	}
	return p.space() + name + p.space()
}

func (p poisoner) cookie() string {
	name, value, _ := strings.Cut(p.pick("X-Magento-Vary=vip", "X-Magento-Vary=vip", "store_group=german", "SESSa=1", "store.group=german", "a=b", "_=", "X-Magento-Vary="), "=")
	name = p.cookieName(name)
	value += p.sometimes(12, p.pick(`"`, "%20", "+", " "))
	return name + "=" + p.sometimes(20, p.pick("=", " ", "\t", `"`)) + value + p.space()
}

func (p poisoner) cookieLine() string {
	var all []string
	if p.IntN(40) == 0 {
		all = append(all, strings.Repeat(p.pick("a;", "a=1;", ";")+p.space(), 990+p.IntN(30))+"b=1")
	}
	for range 1 + p.IntN(3) {
		all = append(all, p.cookie())
	}
	p.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	separator := "; "
	if p.IntN(4) == 0 {
		separator = p.pick(";", ";;", " ; ", ", ", "\r\n ", ";\t", "; ;")
	}
	return p.pick("Cookie", "cookie", "COOKIE", "Cookie", "Coo_kie") + p.sometimes(40, " ") + ":" + p.pick(" ", "", "\t", "  ") + strings.Join(all, separator)
}

// request returns one request for a path, up to the end of its header.
func (p poisoner) request(path string) string {
	var lines []string
	for range max(1, p.IntN(5)-2) {
		lines = append(lines, p.cookieLine())
	}
	for range max(0, p.IntN(6)-3) {
		name, value, _ := strings.Cut(p.pick("Accept-Language=de", "Store=german", "Origin=https://other.test", "X-Forwarded-Prefix=/x", "Store="), "=")
		name = p.pick(name, name, strings.ToLower(name), name, name, strings.ReplaceAll(name, "-", "_")) + p.sometimes(40, " ")
		lines = append(lines, name+": "+value+p.sometimes(12, p.pick(", en", "\t"))+p.sometimes(20, "\r\n more"))
	}
	if p.IntN(3) == 0 {
		var listed []string
		for range 1 + p.IntN(3) {
			listed = append(listed, p.space()+p.pick("close", "keep-alive", "Cookie", "cookie", "Accept-Language", "Store", "Origin", "X-Forwarded-Prefix", "Te", "Upgrade", "Host", "X-Forwarded-For", ""))
		}
		lines = append(lines, "Connection: "+strings.Join(listed, p.pick(",", ", ", ";")))
	}
	lines = append(lines, p.pick("A: b", "Range: bytes=0-1", "If-None-Match: *", "Cache-Control: no-cache", "Te: trailers", "Content-Length: 0", "Accept-Encoding: gzip", "X-Sluice-Held: 1"))
	p.Shuffle(len(lines), func(i, j int) { lines[i], lines[j] = lines[j], lines[i] })
	method := p.pick("GET", "GET", "GET", "GET", "GET", "GET", "GET", "GET", "HEAD")
	return method + " " + path + " HTTP/1." + p.pick("1", "1", "1", "0") + "\r\nHost: shop.test\r\n" + strings.Join(lines, "\r\n") + "\r\n"
}

// poisonClient sends raw requests over one connection as long as that stays open.
type poisonClient struct {
	addr string
	conn net.Conn
	in   *bufio.Reader
}

// send returns the body of the response to a request, "" for none.
func (c *poisonClient) send(t *testing.T, text string) (body, cached string) {
	t.Helper()
	if c.conn == nil {
		conn, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", c.addr)
		if err != nil {
			t.Fatal(err)
		}
		c.conn, c.in = conn, bufio.NewReader(conn)
	}
	_ = c.conn.SetDeadline(time.Now().Add(5 * time.Minute))
	if _, err := io.WriteString(c.conn, text); err != nil {
		t.Fatal(err)
	}
	method, _, _ := strings.Cut(text, " ")
	resp, err := http.ReadResponse(c.in, &http.Request{Method: method})
	if err != nil {
		t.Fatalf("%q: %v", text, err)
	}
	b, err := io.ReadAll(resp.Body)
	_ = resp.Body.Close() // all of it was read
	if err != nil {
		t.Fatalf("%q: %v", text, err)
	}
	if resp.Close || resp.StatusCode >= http.StatusBadRequest {
		c.close()
	}
	return string(b), resp.Header.Get("X-Cache")
}

func (c *poisonClient) close() {
	if c.conn != nil {
		_ = c.conn.Close() // nothing is under way
		c.conn = nil
	}
}

// TestNobodyPoisonsTheCache: whatever a request looks like, what is stored for it is what
// others would have got.
func TestNobodyPoisonsTheCache(t *testing.T) {
	if *poisonBackend != "" {
		testPoison(t, *poisonBackend)
		return
	}
	for name, read := range poisonReaders() {
		t.Run(name, func(t *testing.T) { testPoison(t, realBackend(t, poisonPage(read))) })
	}
}

func testPoison(t *testing.T, backend string) {
	t.Helper()
	r, addr := onSockets(t, Options{})
	t.Cleanup(r.Finish)
	pub := to("r1", backend)
	pub.Routes[0].Cache = platform.RouteCache{Enabled: true, Cookies: []string{"X-Magento-Vary", "store_group", "/" + session.String() + "/"}, Headers: []string{"Accept", "Accept-Language"}}
	mustPublish(t, r, pub)
	proxy, direct := &poisonClient{addr: addr}, &poisonClient{addr: backend}
	t.Cleanup(proxy.close)
	t.Cleanup(direct.close)
	own := map[string]string{}
	for _, lines := range ordinary() {
		own[lines], _ = direct.send(t, "GET / HTTP/1.1\r\nHost: shop.test\r\n"+lines+"\r\n")
	}
	seed := uint64(20261130)
	count, end := 1000, time.Time{}
	if testing.Short() {
		count = 100
	}
	if *poisonDuration > 0 {
		seed, end = uint64(time.Now().UnixNano()), time.Now().Add(*poisonDuration)
	}
	p := poisoner{rand.New(rand.NewPCG(seed, 1))}
	var stored atomic.Int64
	n := 0
	for ; n < count || time.Now().Before(end); n++ {
		path := "/" + strconv.Itoa(n)
		odd := p.request(path)
		if _, cached := proxy.send(t, odd+"\r\n"); cached == "MISS" {
			stored.Add(1)
		}
		for _, lines := range ordinary() {
			got, cached := proxy.send(t, "GET "+path+" HTTP/1.1\r\nHost: shop.test\r\n"+lines+"\r\n")
			if got != own[lines] {
				t.Fatalf("seed %d, request %d: after %q\n%q got %s %q\nwant %q", seed, n, odd, lines, cached, got, own[lines])
			}
		}
	}
	t.Logf("%d unusual requests (seed %d), of which %d could be stored: no page was another one", n, seed, stored.Load())
	if stored.Load() == 0 {
		t.Error("nothing was stored: the test shows nothing")
	}
}
