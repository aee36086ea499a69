package services_test

import (
	"bufio"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"sluice/internal/toolkit/fault"
	"sluice/internal/toolkit/phparray"
	"sluice/internal/toolkit/services"
)

func relationships(t *testing.T, text string) *phparray.Array {
	t.Helper()
	v, err := phparray.DecodeJSON([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	a, _ := v.(*phparray.Array)
	return a
}

func TestRelationships(t *testing.T) {
	all := relationships(t, `{
		"redis": [{"host": "r", "port": 6379, "type": "redis:7.0"}], "redis-session": [{"host": "rs"}],
		"mq": [{"host": "mq"}], "amqp": [{"host": "amqp"}], "rabbitmq": [],
		"opensearch": [{"host": "os", "port": "9200", "scheme": "http", "query": {"index": "i"}}]}`)
	for _, c := range []struct {
		name string
		got  services.Endpoint
		want string
	}{
		{"redis", services.Redis(all), "redis r:6379"},
		{"session", services.Session(all), "redis-session rs:"},
		{"rabbit", services.Rabbit(all), "mq mq:"},
		{"opensearch", services.OpenSearch(all), "opensearch os:9200"},
		{"elasticsearch", services.Elasticsearch(all), " :"},
		{"activemq", services.ActiveMQ(relationships(t, `{"jms": [{"host": "j", "port": 61616}]}`)), "jms j:61616"},
		{"valkey by its name", services.Valkey(relationships(t, `{"valkey": [{"host": "v"}]}`)), "valkey v:"},
		{"valkey by its type", services.Valkey(relationships(t, `{"cache": [{"host": "v", "type": "valkey:8.0"}]}`)), "cache v:"},
		{"a cache of another kind", services.Valkey(relationships(t, `{"cache": [{"host": "r", "type": "redis:7.0"}]}`)), " :"},
		{"valkey before redis for sessions", services.Session(relationships(t, `{"valkey": [{"host": "v"}], "redis": [{"host": "r"}]}`)), "valkey v:"},
		{"valkey-session first", services.Session(relationships(t, `{"valkey": [{"host": "v"}], "valkey-session": [{"host": "s"}]}`)), "valkey-session s:"},
	} {
		if got := c.got.Name + " " + c.got.Address(); got != c.want {
			t.Errorf("%s: %s, want %s", c.name, got, c.want)
		}
	}
	e := services.OpenSearch(all)
	if e.SearchURL() != "http://os" || e.Index() != "i" || e.Get("port") != "9200" || services.Redis(all).TypeVersion() != "7.0" {
		t.Error("wrong fields")
	}
}

// fakeRedis answers what a function says to each command.
func fakeRedis(t *testing.T, answer func(args []string) string) (host, port string) {
	t.Helper()
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go serveRedis(conn, answer)
		}
	}()
	host, port, err = net.SplitHostPort(l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	return host, port
}

func serveRedis(conn net.Conn, answer func(args []string) string) {
	defer func() { _ = conn.Close() }()
	in := bufio.NewReader(conn)
	for {
		var n int
		if _, err := fmt.Fscanf(in, "*%d\r\n", &n); err != nil {
			return
		}
		args := make([]string, n)
		for i := range args {
			var length int
			if _, err := fmt.Fscanf(in, "$%d\r\n", &length); err != nil {
				return
			}
			line, err := in.ReadString('\n')
			if err != nil {
				return
			}
			args[i] = strings.TrimSuffix(line, "\r\n")
		}
		_, _ = conn.Write([]byte(answer(args)))
	}
}

func bulk(text string) string { return fmt.Sprintf("$%d\r\n%s\r\n", len(text), text) }

func TestRedisVersion(t *testing.T) {
	answer := func(args []string) string {
		switch args[0] {
		case "AUTH":
			if args[1] != "geheim" {
				return "-WRONGPASS invalid\r\n"
			}
			return "+OK\r\n"
		case "INFO":
			return bulk("# Server\r\nredis_version:7.0.15\r\nredis_mode:standalone\r\n")
		}
		return "-ERR unknown\r\n"
	}
	host, port := fakeRedis(t, answer)
	at := func(password string) services.Endpoint {
		return services.Redis(relationships(t, fmt.Sprintf(`{"redis": [{"host": %q, "port": %q, "password": %q}]}`, host, port, password)))
	}
	if v, err := services.Version(t.Context(), &http.Client{}, at("geheim")); err != nil || v != "7.0" {
		t.Errorf("%s, %v", v, err)
	}
	_, err := services.Version(t.Context(), &http.Client{}, at("falsch"))
	if err == nil || strings.Contains(err.Error(), "falsch") || !strings.Contains(err.Error(), "WRONGPASS") {
		t.Errorf("a wrong password: %v", err)
	}
}

func TestValkeyVersion(t *testing.T) {
	host, port := fakeRedis(t, func([]string) string {
		return bulk("redis_version:7.2.4\r\nvalkey_version:8.1.2\r\n")
	})
	e := services.Valkey(relationships(t, fmt.Sprintf(`{"valkey": [{"host": %q, "port": %s}]}`, host, port)))
	if v, err := services.Version(t.Context(), &http.Client{}, e); err != nil || v != "8.1" {
		t.Errorf("%s, %v", v, err)
	}
}

func TestNotRedis(t *testing.T) {
	for name, reply := range map[string]string{"http": "HTTP/1.1 400 Bad Request\r\n", "empty": "\r\n", "long": "$99999999\r\n", "nothing": "$-1\r\n", "no number": "$x\r\n"} {
		host, port := fakeRedis(t, func([]string) string { return reply })
		e := services.Redis(relationships(t, fmt.Sprintf(`{"redis": [{"host": %q, "port": %q}]}`, host, port)))
		if v, err := services.Version(t.Context(), &http.Client{}, e); err == nil {
			t.Errorf("%s: %s", name, v)
		}
	}
}

func TestSearchVersion(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if user, password, _ := r.BasicAuth(); user != "u" || password != "p" {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		_, _ = w.Write([]byte(`{"version": {"number": "7.10.2"}}`))
	}))
	defer server.Close()
	u, err := url.Parse(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	at := func(name, password string) services.Endpoint {
		return services.Find(relationships(t, fmt.Sprintf(`{%q: [{"host": %q, "port": %q, "scheme": "http", "username": "u", "password": %q}]}`, name, u.Hostname(), u.Port(), password)), name)
	}
	if v, err := services.Version(t.Context(), server.Client(), at("elasticsearch", "p")); err != nil || v != "7.10.2" {
		t.Errorf("%s, %v", v, err)
	}
	_, err = services.Version(t.Context(), server.Client(), at("opensearch", "wrong"))
	if fault.CodeOf(err) != 137 || !strings.HasPrefix(err.Error(), "Can't get version of opensearch: ") || strings.Contains(err.Error(), "wrong") {
		t.Errorf("%v (%d)", err, fault.CodeOf(err))
	}
}

func TestNothingToAsk(t *testing.T) {
	for _, e := range []services.Endpoint{{}, services.Rabbit(relationships(t, `{"rabbitmq": [{"host": "r", "port": 5672}]}`))} {
		if v, err := services.Version(t.Context(), &http.Client{}, e); err != nil || v != services.Undetected {
			t.Errorf("%s, %v", v, err)
		}
	}
}
