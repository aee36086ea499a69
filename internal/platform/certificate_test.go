package platform_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"math/big"
	"strings"
	"testing"
	"time"

	"sluice/internal/platform"
)

var now = time.Date(2026, 6, 1, 12, 0, 0, 0, time.UTC)

// signer is an authority or a leaf, with its key.
type signer struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

// issue signs a certificate by parent, by itself when that is nil.
func issue(t *testing.T, parent *signer, template x509.Certificate) *signer {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template.SerialNumber = big.NewInt(now.UnixNano())
	template.BasicConstraintsValid = true
	if template.NotAfter.IsZero() {
		template.NotAfter = now.Add(90 * 24 * time.Hour)
	}
	by := &signer{&template, key}
	if parent != nil {
		by = parent
	}
	der, err := x509.CreateCertificate(rand.Reader, &template, by.cert, &key.PublicKey, by.key)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return &signer{cert, key}
}

func (s *signer) pem() string {
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.cert.Raw}))
}

func (s *signer) keyPEM(t *testing.T) string {
	t.Helper()
	der, err := x509.MarshalPKCS8PrivateKey(s.key)
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))
}

func authority(name string) x509.Certificate {
	return x509.Certificate{Subject: pkix.Name{CommonName: name}, IsCA: true, KeyUsage: x509.KeyUsageCertSign}
}

func TestNewCertificate(t *testing.T) {
	root := issue(t, nil, authority("Root"))
	mid := issue(t, root, authority("Mid"))
	stale := issue(t, root, x509.Certificate{Subject: pkix.Name{CommonName: "Stale"}, IsCA: true, NotAfter: now.Add(-time.Hour)})
	leaf := issue(t, mid, x509.Certificate{DNSNames: []string{"example.com", "*.example.com"}})
	other := issue(t, mid, x509.Certificate{DNSNames: []string{"other.test"}})
	key := leaf.keyPEM(t)
	tests := []struct {
		name        string
		certificate string
		key         string
		chain       []string
		want        string // part of the error; "" for none
	}{
		{"chain apart", leaf.pem(), key, []string{mid.pem(), root.pem()}, ""},
		{"chain in one file", leaf.pem() + mid.pem(), "a comment\n" + key, nil, ""},
		{"no chain", leaf.pem(), key, nil, ""},
		{"another key", leaf.pem(), other.keyPEM(t), nil, "does not belong to the certificate"},
		{"no key", leaf.pem(), "", nil, "does not belong to the certificate"},
		{"encrypted key", leaf.pem(), "-----BEGIN ENCRYPTED PRIVATE KEY-----\n", nil, "is encrypted"},
		{"wrong order", leaf.pem(), key, []string{root.pem(), mid.pem()}, `"Root" did not sign ""`},
		{"foreign chain", leaf.pem(), key, []string{other.pem()}, "chain is broken"},
		{"authority first", mid.pem(), mid.keyPEM(t), nil, "that of an authority (Mid)"},
		{"key as certificate", key, key, nil, "a block is a private key"},
		{"no certificate", "hello", key, nil, "is not readable"},
		{"nothing", "", key, nil, "it is empty"},
		{"garbage in the chain", leaf.pem(), key, []string{"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"}, "part 1 of the chain"},
		{"expired", issue(t, mid, x509.Certificate{DNSNames: []string{"a.test"}, NotAfter: now.Add(-time.Minute)}).pem(), key, nil, "expired on 2026-06-01"},
		{"names nothing", issue(t, mid, x509.Certificate{}).pem(), key, nil, "names no domain"},
		{"too long", strings.Repeat(leaf.pem(), 11), key, nil, "11 certificates"},
		{"too large", strings.Repeat("x", 300<<10), key, nil, "more than"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := platform.NewCertificate("shop", tt.certificate, tt.key, tt.chain, now)
			if tt.want != "" {
				if platform.ErrorCode(err) != platform.CodeInvalid || !strings.Contains(err.Error(), tt.want) {
					t.Errorf("got %v, want %q", err, tt.want)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if got.ID != platform.CertificateID(leaf.cert) || strings.Join(got.Domains, " ") != "example.com *.example.com" ||
				got.Issuer[0] != (platform.NamePart{OID: "2.5.4.3", Alias: "commonName", Value: "Mid"}) || string(got.Key) != key {
				t.Errorf("got %+v", got)
			}
		})
	}
	expired := []string{stale.pem()}
	late := issue(t, stale, x509.Certificate{DNSNames: []string{"a.test"}})
	if _, err := platform.NewCertificate("shop", late.pem(), late.keyPEM(t), expired, now); err == nil || !strings.Contains(err.Error(), `intermediate "Stale" expired`) {
		t.Errorf("got %v", err)
	}
}

func TestKeysDoNotPrint(t *testing.T) {
	c := platform.Certificate{Key: "hunter2"}
	wire, err := json.Marshal(c)
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{string(wire), fmt.Sprint(c), fmt.Sprintf("%+v %#v %s %q", c, c, c.Key, c.Key)} {
		if strings.Contains(text, "hunter2") {
			t.Errorf("the key is in %s", text)
		}
	}
}

func FuzzNewCertificate(f *testing.F) {
	f.Add("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n")
	f.Add("", "")
	f.Fuzz(func(t *testing.T, certificate, key string) {
		c, err := platform.NewCertificate("shop", certificate, key, []string{certificate}, now)
		if err == nil && (c.ID == "" || len(c.Domains) == 0) {
			t.Errorf("accepted %q", certificate)
		}
		if err != nil && len(key) > 20 && strings.Contains(err.Error(), key) {
			t.Errorf("the key is in %q", err)
		}
	})
}

func TestNormalDomain(t *testing.T) {
	for name, want := range map[string]string{
		"www.example.com": "www.example.com", "WWW.Example.COM.": "www.example.com", " a-b.xn--p1ai ": "a-b.xn--p1ai",
		"localhost": "", "https://example.com": "", "example.com:443": "", "*.example.com": "", "": "", "a..b": "",
		"-a.com": "", "a-.com": "", "a b.com": "", "bücher.example": "", "{default}.com": "", "example.com/": "",
		strings.Repeat("a", 64) + ".com": "", strings.Repeat("abcdefgh.", 30) + "com": "", "a.com\nevil": "",
	} {
		got, err := platform.NormalDomain(name)
		if got != want || (err == nil) != (want != "") || (err != nil && platform.ErrorHint(err) == "") {
			t.Errorf("%q: %q %v, want %q", name, got, err, want)
		}
	}
}
