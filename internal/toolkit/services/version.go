package services

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"sluice/internal/toolkit/fault"
)

// searchTimeout bounds one question to a search server.
const searchTimeout = 10 * time.Second

// maxResponse bounds what is read of a response, in bytes.
const maxResponse = 1 << 20

// The codes of search servers that do not answer.
const (
	codeElasticsearch = 132
	codeOpenSearch    = 137
)

// Undetected is the version of a service that does not exist or does not say it.
const Undetected = "0"

// Version returns the version of a service: from the relationship's type, else from the
// server itself where that is known how. client asks search servers.
// Errors never contain a password.
func Version(ctx context.Context, client *http.Client, e Endpoint) (string, error) {
	if v := e.TypeVersion(); v != "" {
		return v, nil
	}
	if !e.Exists() || e.Host() == "" {
		return Undetected, nil
	}
	switch e.Name {
	case "redis", "redis-session", "redis-slave", "valkey", "valkey-session", "valkey-slave", "cache":
		return askRedis(ctx, e)
	case "elasticsearch":
		return askSearch(ctx, client, e, codeElasticsearch)
	case "opensearch":
		return askSearch(ctx, client, e, codeOpenSearch)
	}
	return Undetected, nil
}

func askRedis(ctx context.Context, e Endpoint) (string, error) {
	conn, err := DialRedis(ctx, e.Address(), e.Text("password"))
	if err != nil {
		return "", err
	}
	v, err := RedisVersion(ctx, conn)
	return v, errors.Join(err, conn.Close())
}

func askSearch(ctx context.Context, client *http.Client, e Endpoint, code int) (string, error) {
	var response struct {
		Version struct {
			Number string `json:"number"`
		} `json:"version"`
	}
	err := AskSearch(ctx, client, e, "/", &response)
	if err == nil && response.Version.Number == "" {
		err = errors.New("the response has no version.number")
	}
	if err != nil {
		return "", &fault.Fault{Code: code, Message: fmt.Sprintf("Can't get version of %s: %v", e.Name, err), Err: err}
	}
	return response.Version.Number, nil
}

// AskSearch gets a path of a search server and decodes its JSON into v.
func AskSearch(ctx context.Context, client *http.Client, e Endpoint, path string, v any) error {
	ctx, cancel := context.WithTimeoutCause(ctx, searchTimeout, fmt.Errorf("no response within %s", searchTimeout))
	defer cancel()
	url := e.Address() + path
	if !strings.Contains(url, "://") {
		scheme := e.Text("scheme")
		if scheme != "https" {
			scheme = "http"
		}
		url = scheme + "://" + url
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
	if err != nil {
		return err
	}
	if user, password := e.Text("username"), e.Text("password"); user != "" && password != "" {
		req.SetBasicAuth(user, password)
	}
	resp, err := client.Do(req)
	if err != nil {
		return err
	}
	defer func() { _ = resp.Body.Close() }() // nothing is written
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("%s responded with %s", e.Host(), resp.Status)
	}
	return json.NewDecoder(io.LimitReader(resp.Body, maxResponse)).Decode(v)
}
