package services

import (
	"net"
	"strings"

	"sluice/internal/toolkit/phparray"
)

// Endpoint is how to reach a service: the first entry of a relationship. The zero Endpoint
// is of a relationship that does not exist.
type Endpoint struct {
	Name string // of the relationship
	raw  *phparray.Array
}

// Find returns the endpoint of the first relationship that exists and says something.
func Find(relationships *phparray.Array, names ...string) Endpoint {
	for _, name := range names {
		if raw := relationships.Sub(name, "0"); raw.Len() > 0 {
			return Endpoint{name, raw}
		}
	}
	return Endpoint{}
}

// Exists reports whether there is such a relationship.
func (e Endpoint) Exists() bool { return e.raw.Len() > 0 }

// Get returns a field with the type that the platform gave it, or nil.
func (e Endpoint) Get(field string) any { return e.raw.Get(field) }

// Text returns a field as text.
func (e Endpoint) Text(field string) string { return e.raw.Text(field) }

// Host returns the host name.
func (e Endpoint) Host() string { return e.Text("host") }

// Address returns "host:port".
func (e Endpoint) Address() string { return net.JoinHostPort(e.Host(), e.Text("port")) }

// Index returns query.index, a prefix for the names of search indexes.
func (e Endpoint) Index() string { return e.raw.Text("query", "index") }

// TypeVersion returns the version in the type "name:version"; "" when it says none.
func (e Endpoint) TypeVersion() string {
	_, version, _ := strings.Cut(e.Text("type"), ":")
	return version
}

// The relationships of the main database and of those beside it.
const (
	Database           = "database"
	DatabaseSlave      = "database-slave"
	DatabaseQuote      = "database-quote"
	DatabaseQuoteSlave = "database-quote-slave"
	DatabaseSales      = "database-sales"
	DatabaseSalesSlave = "database-sales-slave"
)

// Redis returns the relationship of the cache in Redis.
func Redis(relationships *phparray.Array) Endpoint { return Find(relationships, "redis") }

// Valkey returns the relationship of the cache in Valkey. The name "cache" counts when its
// type says that it is Valkey.
func Valkey(relationships *phparray.Array) Endpoint {
	if e := Find(relationships, "valkey"); e.Exists() {
		return e
	}
	if e := Find(relationships, "cache"); strings.HasPrefix(e.Text("type"), "valkey") || e.Text("scheme") == "valkey" {
		return e
	}
	return Endpoint{}
}

// Session returns the relationship that keeps sessions.
func Session(relationships *phparray.Array) Endpoint {
	if e := Find(relationships, "valkey-session"); e.Exists() {
		return e
	}
	if e := Valkey(relationships); e.Exists() {
		return e
	}
	return Find(relationships, "redis-session", "redis")
}

// Rabbit returns the relationship of RabbitMQ.
func Rabbit(relationships *phparray.Array) Endpoint {
	return Find(relationships, "rabbitmq", "mq", "amqp")
}

// ActiveMQ returns the relationship of ActiveMQ, which speaks STOMP.
func ActiveMQ(relationships *phparray.Array) Endpoint {
	return Find(relationships, "activemq", "amq", "jms")
}

// Elasticsearch returns the relationship of Elasticsearch.
func Elasticsearch(relationships *phparray.Array) Endpoint {
	return Find(relationships, "elasticsearch")
}

// OpenSearch returns the relationship of OpenSearch.
func OpenSearch(relationships *phparray.Array) Endpoint { return Find(relationships, "opensearch") }

// Search returns the relationship that a shop searches with: OpenSearch goes first.
func Search(relationships *phparray.Array) Endpoint {
	if e := OpenSearch(relationships); e.Exists() {
		return e
	}
	return Elasticsearch(relationships)
}

// Credentials returns the user and the password; ok is false unless there are both.
func (e Endpoint) Credentials() (user, password string, ok bool) {
	user, password = e.Text("username"), e.Text("password")
	return user, password, user != "" && password != ""
}

// Solr returns the relationship of Solr, which Magento 2.1 knew.
func Solr(relationships *phparray.Array) Endpoint { return Find(relationships, "solr") }

// SearchURL returns where a search service answers: "scheme://host" when the relationship
// has a scheme, else the host.
func (e Endpoint) SearchURL() string {
	if scheme := e.Text("scheme"); scheme != "" {
		return scheme + "://" + e.Host()
	}
	return e.Host()
}
