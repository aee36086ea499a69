package httpapi_test

import (
	"bytes"
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"sluice/apiv1"
	"sluice/internal/httpapi/httpapitest"
)

func TestCertificates(t *testing.T) {
	var log bytes.Buffer
	h := newHandler(httpapitest.New(), &log)
	certificate, key := httpapitest.SelfSigned("www.example.com", "*.example.com")
	_, otherKey := httpapitest.SelfSigned("www.example.com")
	post := func(token, certificate, key string) string {
		body, err := json.Marshal(apiv1.CertificateUpload{Certificate: certificate, Key: key})
		if err != nil {
			t.Fatal(err)
		}
		return answer(t, h, "POST /api/projects/shop/certificates "+token+"\n"+string(body))
	}
	for _, tt := range []struct{ name, got, want string }{
		{"not allowed", post(httpapitest.Reader, certificate, key), "403 "},
		{"wrong key", post(httpapitest.Admin, certificate, otherKey), "400 "},
		{"no certificate", post(httpapitest.Admin, "hello", key), "400 "},
		{"added", post(httpapitest.Admin, certificate, key), "201 "},
		{"twice", post(httpapitest.Admin, certificate, key), "409 "},
	} {
		if !strings.HasPrefix(tt.got, tt.want) {
			t.Errorf("%s: %s", tt.name, tt.got)
		}
		if strings.Contains(tt.got, "PRIVATE") || strings.Contains(log.String(), "PRIVATE") {
			t.Errorf("%s: the key is in the answer or the log: %s%s", tt.name, tt.got, &log)
		}
	}
	list := answer(t, h, "GET /api/projects/shop/certificates reader-token")
	var certs []apiv1.Certificate
	if err := json.Unmarshal([]byte(list[strings.IndexByte(list, '\n'):]), &certs); err != nil {
		t.Fatal(err)
	}
	if len(certs) != 3 || certs[0].IsProvisioned || certs[0].IsInvalid || certs[0].Domains[1] != "*.example.com" || certs[0].Issuer[0].Alias != "commonName" ||
		certs[1].ID != "acme0123" || !certs[1].IsProvisioned || !certs[2].IsInvalid || certs[2].Problem == "" {
		t.Errorf("%s", list)
	}
	if strings.Contains(list, "PRIVATE") || strings.Contains(list, "elsewhere") {
		t.Errorf("a key or another project's host is in %s", list)
	}
	one := answer(t, h, "GET /api/projects/shop/certificates/"+certs[0].ID+" reader-token")
	if !strings.HasPrefix(one, "200 ") || strings.Contains(one, "PRIVATE") {
		t.Errorf("%s", one)
	}
	// A domain knows that it has one.
	if got := answer(t, h, "POST /api/projects/shop/domains admin-token\n{\"name\":\"shop.example.com\"}"); !strings.HasPrefix(got, "202 ") {
		t.Errorf("%s", got)
	}
	if got := answer(t, h, "GET /api/projects/shop/domains/shop.example.com admin-token"); !strings.Contains(got, `"has_certificate": true`) {
		t.Errorf("%s", got)
	}
	remove := http.MethodDelete + " /api/projects/shop/certificates/" + certs[0].ID + " admin-token"
	if got := answer(t, h, remove); !strings.HasPrefix(got, "200 ") {
		t.Errorf("%s", got)
	}
	if got := answer(t, h, remove); !strings.HasPrefix(got, "404 ") {
		t.Errorf("%s", got)
	}
}
