package cli_test

import (
	"encoding/json"
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
	var resp *http.Response
	var err error
	if os.Args[1] == "accept" {
		var at []byte
		if at, err = os.ReadFile(os.Args[2]); err == nil {
			resp, err = send(strings.TrimSpace(string(at)), url.Values{"password": {browserPassword}, "repeated": {browserPassword}})
		}
	} else {
		resp, err = logIn(os.Args[1])
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(2) //nolint:forbidigo // a main function
	}
	_, _ = io.Copy(os.Stdout, resp.Body)
	if resp.StatusCode != http.StatusOK {
		os.Exit(1) //nolint:forbidigo // a main function
	}
}

// logIn sends the form of the log-in page and follows where it leads. $BROWSER_DOES says what
// goes wrong before.
func logIn(page string) (*http.Response, error) {
	u, err := url.Parse(page)
	if err != nil {
		return nil, err
	}
	back := u.Query().Get("redirect_uri")
	switch os.Getenv("BROWSER_DOES") { //nolint:forbidigo // a main function
	case "another-state":
		resp, err := http.Get(back + "?code=x&state=evil") //nolint:noctx // a main function
		if err != nil || resp.StatusCode != http.StatusBadRequest {
			return nil, fmt.Errorf("the program took another state: %v, %w", resp, err)
		}
	case "refused":
		return http.Get(back + "?" + url.Values{"error": {"access_denied"}, "error_description": {"no <b>"}, "state": {u.Query().Get("state")}}.Encode()) //nolint:noctx // a main function
	}
	return send(page, url.Values{"login": {"jo@example.com"}, "password": {browserPassword}})
}

func send(page string, form url.Values) (*http.Response, error) {
	r, err := http.NewRequest(http.MethodPost, page, strings.NewReader(form.Encode())) //nolint:noctx // a main function
	if err != nil {
		return nil, err
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	return http.DefaultClient.Do(r)
}

// expire lets the access token in a configuration file end.
func expire() {
	data, err := os.ReadFile(os.Args[1])
	var cfg map[string]any
	if err == nil {
		err = json.Unmarshal(data, &cfg)
	}
	if err == nil {
		cfg["session"].(map[string]any)["expires"] = time.Now().Add(-time.Minute) //nolint:forcetypeassert // of a log-in with a browser
		data, err = json.Marshal(cfg)
	}
	if err == nil {
		err = os.WriteFile(os.Args[1], data, 0o600)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1) //nolint:forbidigo // a main function
	}
}
