package apiv1_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"testing"

	"sluice/apiv1"
)

func TestTokensDoNotGoOverTheNetworkInPlainText(t *testing.T) {
	for _, test := range []struct {
		server, token string
		insecure      bool
		refused       bool
	}{
		{"http://127.0.0.1:7070", "t", false, false},
		{"http://[::1]:7070", "t", false, false},
		{"http://localhost:7070", "t", false, false},
		{"http://sluice.localhost", "t", false, false},
		{"http://sluice.example.com:7070", "t", false, true},
		{"http://127.0.0.1.example.com", "t", false, true},
		{"http://192.0.2.1:7070", "t", false, true},
		{"http://sluice.example.com:7070", "t", true, false},
		{"http://sluice.example.com:7070", "", false, false}, // nothing to protect
		{"https://sluice.example.com", "t", false, false},
	} {
		_, err := apiv1.NewClient(test.server, test.token, apiv1.Options{Insecure: test.insecure})
		if errors.Is(err, apiv1.ErrInsecure) != test.refused || (!test.refused && err != nil) {
			t.Errorf("%+v: got %v", test, err)
		}
	}
}

// TestRedirectsAreNotFollowed: another place must not get the token.
func TestRedirectsAreNotFollowed(t *testing.T) {
	var asked []string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked = append(asked, r.URL.Path)
		http.Redirect(w, r, "/elsewhere", http.StatusFound)
	}))
	defer server.Close()
	client, err := apiv1.NewClient(server.URL, "t", apiv1.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := client.Me(t.Context()); apiv1.StatusCode(err) != http.StatusFound || len(asked) != 1 {
		t.Errorf("got %v after %v", err, asked)
	}
}
