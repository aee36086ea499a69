package certs_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"log/slog"
	"math/big"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"sluice/internal/edge/certs"
	"sluice/internal/platform"
)

// upload is a certificate for the names, valid from an hour ago until then.
func upload(t *testing.T, until time.Time, names ...string) platform.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: names[0]},
		NotBefore: until.Add(-400 * 24 * time.Hour), NotAfter: until, DNSNames: names,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return platform.Certificate{
		ID: platform.CertificateID(leaf), Project: "shop", Certificate: platform.CertificatePEM(leaf),
		Key:     platform.PrivateKey(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: secret})),
		Domains: names, ExpiresAt: until,
	}
}

func open(t *testing.T, dir string, log *logBuffer, hosts ...string) *certs.Keeper {
	t.Helper()
	return openWith(t, dir, log, &routes{hosts: hosts})
}

func openWith(t *testing.T, dir string, log *logBuffer, table *routes) *certs.Keeper {
	t.Helper()
	k, err := certs.New(t.Context(), certs.Options{Dir: dir, Routes: table, Logger: slog.New(slog.NewJSONHandler(log, nil))})
	if err != nil {
		t.Fatal(err)
	}
	k.Start(0, 0)
	t.Cleanup(k.Close)
	return k
}

func shown(t *testing.T, k *certs.Keeper, name string) *x509.Certificate {
	t.Helper()
	c, err := k.Certificate(&tls.ClientHelloInfo{ServerName: name, SupportedVersions: []uint16{tls.VersionTLS13}, SignatureSchemes: []tls.SignatureScheme{tls.ECDSAWithP256AndSHA256}, SupportedCurves: []tls.CurveID{tls.X25519}})
	if err != nil {
		t.Fatal(err)
	}
	return c.Leaf
}

func TestMostSpecificCertificateIsShown(t *testing.T) {
	soon, later := time.Now().Add(time.Hour), time.Now().Add(48*time.Hour)
	exact := upload(t, soon, "www.example.com")
	wildcard := upload(t, later, "*.example.com", "example.com")
	newer := upload(t, later, "www.example.com")
	expired := upload(t, time.Now().Add(-time.Minute), "old.example.org")
	log := &logBuffer{}
	dir := t.TempDir()
	k := open(t, dir, log, "www.example.com", "shop.example.com", "old.example.org", "main-shop.localhost", "*.preview.example.net", "example.com")
	replace := func(list ...platform.Certificate) {
		t.Helper()
		if err := k.Replace(t.Context(), list); err != nil {
			t.Fatal(err)
		}
	}
	want := func(name, id string) {
		t.Helper()
		if got := shown(t, k, name); platform.CertificateID(got) != id {
			t.Errorf("%s: shown %v by %v", name, got.DNSNames, got.Issuer)
		}
	}
	replace(wildcard, exact, expired)
	want("www.example.com", exact.ID)
	want("WWW.example.com.", exact.ID)
	want("shop.example.com", wildcard.ID)
	want("example.com", wildcard.ID)
	if c := shown(t, k, "not-served.example.com"); !isLocal(c) {
		t.Errorf("a name that no environment serves: %v", c.DNSNames)
	}
	want("old.example.org", expired.ID)
	if c := shown(t, k, "a.b.example.com"); !isLocal(c) {
		t.Errorf("a wildcard stood for two labels: %v", c.DNSNames)
	}
	replace(wildcard, exact, newer)
	want("www.example.com", newer.ID)
	if !isLocal(shown(t, k, "old.example.org")) {
		t.Error("a deleted certificate is shown")
	}
	damaged := exact
	damaged.Key = wildcard.Key
	if err := k.Replace(t.Context(), []platform.Certificate{newer, damaged}); platform.ErrorCode(err) != platform.CodeInvalid {
		t.Errorf("a key that does not fit: %v", err)
	}
	want("www.example.com", newer.ID)
	k = open(t, dir, log, "www.example.com") // after a restart, without sluiced
	want("www.example.com", newer.ID)
	if info, err := os.Stat(filepath.Join(dir, "own.json")); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v %v", info, err)
	}
	if st := k.Statuses(); len(st) != 1 || st[0].Source != "own" || st[0].ID != newer.ID || st[0].ExpiresAt.IsZero() {
		t.Errorf("status %+v", st)
	}
	if strings.Contains(log.String(), "PRIVATE") {
		t.Errorf("a key is in the log\n%s", log)
	}
	until(t, "the end of a certificate is told", func() bool {
		return strings.Contains(log.String(), "an uploaded certificate expires")
	})
}

func TestUploadedCertificatesCountForTheirProjectOnly(t *testing.T) {
	soon, later := time.Now().Add(time.Hour), time.Now().Add(48*time.Hour)
	mine := upload(t, soon, "www.shop.test", "www.other.test")
	mineToo := upload(t, later, "*.shop.test", "*.other.test", "*.wild.test")
	theirs := upload(t, later, "www.shop.test", "a.wild.test")
	theirs.Project = "other"
	both := upload(t, later, "both.test")
	again := both
	again.Project = "other"
	table := &routes{
		hosts: []string{"www.shop.test", "www.other.test", "img.other.test", "*.wild.test", "both.test"},
		other: []string{"www.other.test", "img.other.test", "*.wild.test"},
	}
	dir := t.TempDir()
	k := openWith(t, dir, &logBuffer{}, table)
	if err := k.Replace(t.Context(), []platform.Certificate{mine, mineToo, theirs, both, again}); err != nil {
		t.Fatal(err)
	}
	check := func() {
		t.Helper()
		for name, id := range map[string]string{
			"www.shop.test":  mine.ID, // theirs lasts longer
			"www.other.test": "",      // they have none, whatever others have
			"img.other.test": "",
			"a.wild.test":    theirs.ID,
			"b.wild.test":    "",
			"both.test":      both.ID,
		} {
			if c := shown(t, k, name); isLocal(c) != (id == "") || (id != "" && platform.CertificateID(c) != id) {
				t.Errorf("%s: shown %v by %v", name, c.DNSNames, c.Issuer)
			}
		}
		for _, st := range k.Statuses() {
			if own := st.Host == "www.shop.test" || st.Host == "both.test"; own != (st.Source == "own") {
				t.Errorf("status %+v", st)
			}
		}
	}
	check()
	k = openWith(t, dir, &logBuffer{}, table) // after a restart, from its own copy
	check()
}

func TestDamagedCopyOfOwnCertificatesDoesNotStopTheRouter(t *testing.T) {
	for _, text := range []string{"{", `[{"ID":"x","Certificate":"nonsense"}]`} {
		dir, log := t.TempDir(), &logBuffer{}
		if err := os.WriteFile(filepath.Join(dir, "own.json"), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		k := open(t, dir, log, "shop.test")
		if !isLocal(shown(t, k, "shop.test")) || !strings.Contains(log.String(), "starting without") {
			t.Errorf("%q: log %s", text, log)
		}
	}
}

func TestLocalAuthority(t *testing.T) {
	dir := t.TempDir()
	k := open(t, dir, &logBuffer{}, "main-shop.localhost", "*.shop.test", "*.localhost")
	trust := x509.NewCertPool()
	text, err := os.ReadFile(filepath.Join(dir, platform.LocalAuthorityFile))
	if err != nil || !trust.AppendCertsFromPEM(text) || strings.Contains(string(text), "PRIVATE") {
		t.Fatalf("%s %v", text, err)
	}
	for name, san := range map[string]string{
		"main-shop.localhost": "main-shop.localhost", "a.shop.test": "*.shop.test", "b.shop.test": "*.shop.test",
		"a.b.shop.test": "a.b.shop.test", "x.localhost": "x.localhost",
		"bank.example": "localhost", "": "localhost",
	} {
		c := shown(t, k, name)
		if !slices.Equal(c.DNSNames, []string{san}) {
			t.Errorf("%q: shown %v", name, c.DNSNames)
		}
		verify := name
		if san == "localhost" {
			verify = "127.0.0.1"
		}
		if _, err := c.Verify(x509.VerifyOptions{DNSName: verify, Roots: trust}); err != nil {
			t.Errorf("%q: %v", name, err)
		}
	}
	before := shown(t, k, "main-shop.localhost")
	if shown(t, k, "main-shop.localhost") != before {
		t.Error("signed twice")
	}
	k = open(t, dir, &logBuffer{}, "main-shop.localhost") // the same authority after a restart
	if _, err := shown(t, k, "main-shop.localhost").Verify(x509.VerifyOptions{Roots: trust}); err != nil {
		t.Error(err)
	}
	if info, err := os.Stat(filepath.Join(dir, "authority.pem")); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v %v", info, err)
	}
}

// Handshakes for any number of names below a wildcard neither wait for each other's signature
// nor have one name signed twice, and memory is bounded.
func TestLocalAuthorityOfManyNames(t *testing.T) {
	a, err := certs.OpenAuthority(t.TempDir(), time.Now)
	if err != nil {
		t.Fatal(err)
	}
	var all sync.WaitGroup
	first := make([]*tls.Certificate, 8)
	for i := range first {
		all.Go(func() { first[i], _ = a.Certificate("a.b.shop.test", "*.shop.test") })
	}
	all.Wait()
	for i := range first {
		all.Go(func() {
			for n := range 540 { // 4,320 in all, of which 4,096 are kept
				if c, err := a.Certificate(fmt.Sprintf("x%d.y%d.shop.test", n, i), "*.shop.test"); err != nil || c == nil {
					t.Errorf("%v %v", c, err)
				}
			}
		})
	}
	all.Wait()
	for _, c := range first {
		if c == nil || c != first[0] {
			t.Fatal("one name was signed twice at once")
		}
	}
}

func TestAuthorityIsMadeAnewBeforeItExpires(t *testing.T) {
	dir := t.TempDir()
	now := time.Now()
	clock := func() time.Time { return now }
	first, err := certs.OpenAuthority(dir, clock)
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := first.Certificate("a.test", "a.test")
	if err != nil {
		t.Fatal(err)
	}
	now = now.Add(61 * 24 * time.Hour)
	if again, err := first.Certificate("a.test", "a.test"); err != nil || again == leaf {
		t.Errorf("a certificate that ends within 30 days is shown: %v", err)
	}
	now = now.AddDate(10, 0, 0)
	second, err := certs.OpenAuthority(dir, clock)
	if err != nil || string(second.PEM()) == string(first.PEM()) {
		t.Errorf("the expired authority was kept: %v", err)
	}
	if err := os.WriteFile(filepath.Join(dir, "authority.pem"), []byte("notes"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := certs.OpenAuthority(dir, clock); err == nil {
		t.Error("a file that is no authority was overwritten")
	}
}
