package database

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"os"
	"strings"
	"time"

	"github.com/go-sql-driver/mysql"

	"sluice/internal/toolkit/phparray"
)

// connectTimeout is how long a server may take to accept a connection.
const connectTimeout = 10 * time.Second

// The attributes of a connection's driver_options that are honoured, by the numbers that
// PHP's driver has for them.
const (
	optionKey    = "1007"
	optionCert   = "1008"
	optionCA     = "1009"
	optionVerify = "1014"
)

// Address returns network and address of a connection's host: "db", "db:3307" or the path
// of a socket. The original loses the port.
func Address(host string) (network, address string) {
	if strings.HasPrefix(host, "/") {
		return "unix", host
	}
	if _, _, err := net.SplitHostPort(host); err == nil {
		return "tcp", host
	}
	return "tcp", net.JoinHostPort(strings.Trim(host, "[]"), "3306")
}

// driverConfig makes the driver's configuration of one of env.php's connections.
func driverConfig(c *phparray.Array) (*mysql.Config, error) {
	if c.Text("host") == "" || c.Text("dbname") == "" {
		return nil, errors.New("it has no host or dbname")
	}
	config := mysql.NewConfig()
	config.Net, config.Addr = Address(c.Text("host"))
	config.User, config.Passwd, config.DBName = c.Text("username"), c.Text("password"), c.Text("dbname")
	config.Timeout = connectTimeout
	config.Collation = "utf8mb4_general_ci"
	var err error
	config.TLS, err = tlsConfig(c.Sub("driver_options"))
	return config, err
}

// tlsConfig is how the connection is encrypted; nil when the project asks for nothing.
func tlsConfig(options *phparray.Array) (*tls.Config, error) {
	ca, cert, key := options.Text(optionCA), options.Text(optionCert), options.Text(optionKey)
	if ca == "" && cert == "" {
		return nil, nil //nolint:nilnil // no encryption is the usual case
	}
	verify := !options.Has(optionVerify) || phparray.Truthy(options.Get(optionVerify))
	config := &tls.Config{InsecureSkipVerify: !verify, MinVersion: tls.VersionTLS12} //nolint:gosec // G402: the project turned the check off
	if ca != "" {
		text, err := os.ReadFile(ca) //nolint:gosec // G304: the project names its own file
		if err != nil {
			return nil, fmt.Errorf("the certificate authority: %w", err)
		}
		config.RootCAs = x509.NewCertPool()
		if !config.RootCAs.AppendCertsFromPEM(text) {
			return nil, fmt.Errorf("the certificate authority: %s has no certificate", ca)
		}
	}
	if cert != "" {
		pair, err := tls.LoadX509KeyPair(cert, key)
		if err != nil {
			return nil, fmt.Errorf("the client's certificate: %w", err)
		}
		config.Certificates = []tls.Certificate{pair}
	}
	return config, nil
}
