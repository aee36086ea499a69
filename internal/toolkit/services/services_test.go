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
	"time"

	"sluice/internal/catalog"
	"sluice/internal/toolkit/composer"
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

func TestUnsupported(t *testing.T) {
	for _, c := range []struct{ magento, service, version, want string }{
		{"2.4.7-p3", "mariadb", "10.6", ""},
		{"2.4.7-p3", "mariadb", "10.11", `Magento 2.4.7.0-patch3 does not support version "10.11" for service "mariadb". Service version should satisfy ">=10.6 <10.7" constraint.`},
		{"2.4.6", "redis", "7.0", ""},
		{"2.4.6", "redis-session", "2.8", `Magento 2.4.6.0 does not support version "2.8" for service "redis-session". Service version should satisfy "~3.2.0 || ~4.0.0 || ~5.0.0 || ~6.0.0 || ~6.2.0 || ~7.0.0" constraint.`},
		{"2.4.6", "redis", "latest", ""},
		{"2.3.0", "aurora", "2.0", `Service "aurora" does not have defined configurations for "2.3.0.0" Magento version`},
		{"2.3.1", "aurora", "2.0", ""},
		{"2.3.0", "elasticsearch", "5.2", ""},
		{"2.3.0", "elasticsearch", "6.5", `Magento 2.3.0.0 does not support version "6.5" for service "elasticsearch". Service version should satisfy "~1.7.0 || ~2.4.0 || ~5.2.0" constraint.`},
		{"2.3.4", "elasticsearch", "6.5", ""},
		{"2.4.1", "elasticsearch", "6.5", `Magento 2.4.1.0 does not support version "6.5" for service "elasticsearch". Service version should satisfy "~7.5.0 || ~7.6.0 || ~7.7.0" constraint.`},
		{"2.4.3-p1", "opensearch", "1.2", ""},
		{"2.4.3-p2", "opensearch", "2.0", `Magento 2.4.3.0-patch2 does not support version "2.0" for service "opensearch". Service version should satisfy "~1.1.0 || 1.2.*" constraint.`},
		{"2.4.7", "rabbitmq", "3.11", ""},
		{"2.4.5-p2", "rabbitmq", "3.11", `Magento 2.4.5.0-patch2 does not support version "3.11" for service "rabbitmq". Service version should satisfy "~3.5.0 || ~3.7.0 || ~3.8.0 || ~3.9.0" constraint.`},
		{"2.4.4", "valkey", "8.0", `Service "valkey" does not have defined configurations for "2.4.4.0" Magento version`},
		{"2.4.8", "valkey", "8.1", ""},
		{"2.4.8", "activemq", "2.42", ""},
		{"2.4.8", "mongodb", "4", `Service "mongodb" is not supported for Magento "2.4.8.0"`},
		{"2.4.6", "mysql", "nonsense", `Magento 2.4.6.0 does not support version "nonsense" for service "mysql". Service version should satisfy "~8.0.0" constraint.`},
	} {
		m, err := composer.ParseVersion(c.magento)
		if err != nil {
			t.Fatal(err)
		}
		if got := services.Unsupported(m, c.service, c.version); got != c.want {
			t.Errorf("%s %s %s:\n got %s\nwant %s", c.magento, c.service, c.version, got, c.want)
		}
	}
}

// TestEveryRowIsAConstraint makes sure that no row of the matrix panics.
func TestEveryRowIsAConstraint(t *testing.T) {
	for _, service := range []string{"php", "mariadb", "mysql", "aurora", "nginx", "varnish", "node", "redis", "valkey", "elasticsearch", "opensearch", "rabbitmq", "activemq"} {
		for _, magento := range []string{"2.1.0", "2.2.4", "2.2.9", "2.3.0", "2.3.2", "2.3.4", "2.3.6", "2.3.7-p4", "2.4.0", "2.4.2", "2.4.3-p3", "2.4.5-p3", "2.4.6", "2.4.7-p3", "2.4.9"} {
			m, err := composer.ParseVersion(magento)
			if err != nil {
				t.Fatal(err)
			}
			services.Unsupported(m, service, "7.0")
		}
	}
}

func TestEOL(t *testing.T) {
	now := time.Date(2026, 4, 1, 0, 0, 0, 0, time.UTC)
	for _, c := range []struct {
		service, version string
		want             services.EOL
	}{
		{"mariadb", "10.6", services.Approaching},
		{"mariadb", "10.6.19", services.Approaching},
		{"mariadb", "10.60", services.Maintained},
		{"mariadb", "10.4", services.Passed},
		{"php", "8.1.1", services.Passed},
		{"php", "7.2.9", services.Passed}, // the catalog does not have it
		{"php", "8.4", services.Maintained},
		{"redis-session", "7.0.11", services.Passed},
		{"elasticsearch", "6.5.4", services.Passed},
		{"valkey", "99.1", services.Maintained},
	} {
		if got, _ := services.EOLOf(c.service, c.version, now); got != c.want {
			t.Errorf("%s %s: %d", c.service, c.version, got)
		}
	}
	if got, day := services.EOLOf("mariadb", "10.6", time.Date(2026, 3, 6, 0, 0, 0, 0, time.UTC)); got != services.Maintained || day.Format(time.DateOnly) != "2026-07-06" {
		t.Errorf("four months before: %d, %s", got, day)
	}
}

// The day is that of the catalog, by which `sluice validate` warns of the same version.
func TestEndsOfLifeAreThoseOfTheCatalog(t *testing.T) {
	for service, name := range map[string]string{"mariadb": "mysql", "redis": "redis", "redis-session": "redis", "valkey": "valkey", "opensearch": "opensearch", "rabbitmq": "rabbitmq"} {
		for _, version := range catalog.Default().ServiceVersions(name) {
			known, _ := catalog.Default().Service(name, version)
			if _, day := services.EOLOf(service, version, time.Time{}); !day.Equal(known.EndOfLife) {
				t.Errorf("%s %s ends on %s, in the catalog on %s", service, version, day, known.EndOfLife)
			}
		}
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
