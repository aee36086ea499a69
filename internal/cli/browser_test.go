package cli_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"
)

const browserPassword = "correct horse battery staple"

// browser is the program that opens pages, in the scripts: it logs jo in at the page that its
// argument names, or accepts the invitation whose URL is in a file ("accept FILE").
func browser() {
	var status int
	var page string
	var err error
	if os.Args[1] == "accept" {
		var at []byte
		if at, err = os.ReadFile(os.Args[2]); err == nil {
			status, page, err = send(http.MethodPost, strings.TrimSpace(string(at)), url.Values{"password": {browserPassword}, "repeated": {browserPassword}})
		}
	} else {
		status, page, err = logIn(os.Args[1])
	}
	if err != nil {
		page, status = err.Error(), 0
	}
	_, _ = io.WriteString(os.Stdout, page)
	if status != http.StatusOK {
		os.Exit(1) //nolint:forbidigo // a main function
	}
}

// logIn sends the form of the log-in page and follows where it leads. $BROWSER_DOES says what
// goes wrong before.
func logIn(page string) (status int, body string, err error) {
	u, err := url.Parse(page)
	if err != nil {
		return 0, "", err
	}
	back := u.Query().Get("redirect_uri")
	switch os.Getenv("BROWSER_DOES") { //nolint:forbidigo // a main function
	case "another-state":
		status, _, err := send(http.MethodGet, back+"?code=x&state=evil", nil)
		if err != nil || status != http.StatusBadRequest {
			return 0, "", fmt.Errorf("the program took another state: %d, %w", status, err)
		}
	case "refused":
		return send(http.MethodGet, back+"?"+url.Values{"error": {"access_denied"}, "error_description": {"no <b>"}, "state": {u.Query().Get("state")}}.Encode(), nil)
	}
	return send(http.MethodPost, page, url.Values{"login": {"jo@example.com"}, "password": {browserPassword}})
}

// send sends a form as a browser does.
func send(method, page string, form url.Values) (status int, body string, err error) {
	r, err := http.NewRequestWithContext(context.Background(), method, page, strings.NewReader(form.Encode()))
	if err != nil {
		return 0, "", err
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	resp, err := new(http.Client).Do(r)
	if err != nil {
		return 0, "", err
	}
	data, err := io.ReadAll(resp.Body)
	return resp.StatusCode, string(data), errors.Join(err, resp.Body.Close())
}

// expire lets the access token in a configuration file end.
func expire() {
	data, err := os.ReadFile(os.Args[1])
	var cfg map[string]any
	if err == nil {
		err = json.Unmarshal(data, &cfg)
	}
	session, ok := cfg["session"].(map[string]any)
	if err == nil && !ok {
		err = errors.New("there is no log-in with a browser")
	}
	if err == nil {
		session["expires"] = time.Now().Add(-time.Minute)
		data, err = json.Marshal(cfg)
	}
	if err == nil {
		err = os.WriteFile(os.Args[1], data, 0o600)
	}
	if err != nil {
		_, _ = fmt.Fprintln(os.Stderr, err)
		os.Exit(1) //nolint:forbidigo // a main function
	}
}
