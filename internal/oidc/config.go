package oidc

import (
	"bytes"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"sluice/internal/platform"
)

// defaultLife is how long a log-in lasts, unless a provider's file says otherwise: a working
// day.
const defaultLife = 12 * time.Hour

// Limits of files that the operator names.
const (
	maxFile      = 1 << 20
	maxProviders = 20
)

// settings are what the operator says of one provider.
type settings struct {
	ID               string   `json:"id"`
	Title            string   `json:"title"`
	Issuer           string   `json:"issuer"`
	ClientID         string   `json:"client_id"`
	ClientSecretFile string   `json:"client_secret_file"`
	Scopes           []string `json:"scopes"`
	EmailClaim       string   `json:"email_claim"`
	GroupsClaim      string   `json:"groups_claim"`
	Domains          []string `json:"domains"`
	Groups           []string `json:"groups"`
	Accounts         string   `json:"accounts"`
	AssumeVerified   bool     `json:"assume_email_verified"`
	CAFile           string   `json:"ca_file"`
	Life             string   `json:"life"`

	life   time.Duration
	secret string
	roots  *x509.CertPool // nil: those of the machine
}

// Load reads the file of providers. callback returns the address that a provider sends people
// back to. Providers are not asked anything: one that is down must not keep sluiced from
// starting.
func Load(path string, callback func(id string) string) ([]*Provider, error) {
	data, err := readFile(path)
	if err != nil {
		return nil, fmt.Errorf("file of log-in providers: %w", err)
	}
	var file struct {
		Providers []settings `json:"providers"`
	}
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.DisallowUnknownFields()
	err = dec.Decode(&file)
	if err == nil && dec.More() {
		err = errors.New("it has more than one value")
	}
	if err != nil {
		return nil, wrong(path, "it cannot be read: %v", err)
	}
	if n := len(file.Providers); n == 0 || n > maxProviders {
		return nil, wrong(path, "it names %d providers; 1 to %d are possible", n, maxProviders)
	}
	var out []*Provider
	ids, issuers := map[string]bool{}, map[string]bool{}
	for i, s := range file.Providers {
		if err := s.complete(); err != nil {
			return nil, wrong(path, "providers[%d]: %v", i, err)
		}
		if ids[s.ID] || issuers[s.Issuer] {
			return nil, wrong(path, "providers[%d]: another provider has the id %q or the issuer %q", i, s.ID, s.Issuer)
		}
		ids[s.ID], issuers[s.Issuer] = true, true
		out = append(out, newProvider(s, callback(s.ID)))
	}
	return out, nil
}

func wrong(path, format string, args ...any) error {
	return platform.Errorf(platform.CodeInvalid, "file of log-in providers %s: %s; sluiced was not started", path, fmt.Sprintf(format, args...)).
		WithHint("docs/operations.md has an example")
}

func readFile(path string) ([]byte, error) {
	f, err := os.Open(filepath.Clean(path))
	if err != nil {
		return nil, err //nolint:wrapcheck // names the path
	}
	defer func() { _ = f.Close() }() // read only
	data, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err == nil && len(data) > maxFile {
		err = fmt.Errorf("%s has more than %d bytes", path, maxFile)
	}
	return data, err
}

var idPattern = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{0,31}$`)

// complete checks the settings, fills in what was left out and reads the files that they name.
func (s *settings) complete() error {
	if !idPattern.MatchString(s.ID) {
		return fmt.Errorf("id %q: use small letters, digits and hyphens, 32 at most", s.ID)
	}
	if err := checkIssuer(s.Issuer); err != nil {
		return err
	}
	if s.ClientID == "" {
		return errors.New("client_id is missing")
	}
	if s.Title == "" {
		s.Title = s.ID
	}
	if len(s.Scopes) == 0 {
		s.Scopes = []string{"email", "profile"}
	}
	if !slices.Contains(s.Scopes, "openid") {
		s.Scopes = append([]string{"openid"}, s.Scopes...)
	}
	if s.EmailClaim == "" {
		s.EmailClaim = "email"
	}
	if s.GroupsClaim == "" {
		s.GroupsClaim = "groups"
	}
	if err := s.checkPeople(); err != nil {
		return err
	}
	s.life = defaultLife
	if s.Life != "" {
		var err error
		if s.life, err = time.ParseDuration(s.Life); err != nil || s.life < time.Minute {
			return fmt.Errorf("life %q: write it as 12h, a minute at least", s.Life)
		}
	}
	return s.readFiles()
}

// checkPeople checks who may log in.
func (s *settings) checkPeople() error {
	if s.Accounts != "" && s.Accounts != "invited" && s.Accounts != "everybody" {
		return fmt.Errorf("accounts %q: use invited (which is the default) or everybody", s.Accounts)
	}
	for i, d := range s.Domains {
		s.Domains[i] = strings.ToLower(strings.TrimPrefix(d, "@"))
		if s.Domains[i] == "" || strings.ContainsAny(s.Domains[i], "@*/ ") {
			return fmt.Errorf("domains %q: write each as example.com", d)
		}
	}
	// Without one of them, everybody at the provider could take any address for their own.
	if s.AssumeVerified && len(s.Domains) == 0 {
		return errors.New("assume_email_verified needs domains: those whose addresses only their owners can have at this provider")
	}
	if s.EmailClaim != "email" && !s.AssumeVerified {
		return errors.New("email_claim other than email needs assume_email_verified and domains: email_verified says nothing about another claim")
	}
	return nil
}

// checkIssuer wants TLS, but from this machine: what comes from the issuer is believed.
func checkIssuer(issuer string) error {
	u, err := url.Parse(issuer)
	if err != nil || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return fmt.Errorf("issuer %q: write it as https://login.example.com", issuer)
	}
	addr, err := netip.ParseAddr(u.Hostname())
	local := u.Hostname() == "localhost" || err == nil && addr.IsLoopback()
	if u.Scheme != "https" && (u.Scheme != "http" || !local) {
		return fmt.Errorf("issuer %q: it has to begin with https://", issuer)
	}
	return nil
}

func (s *settings) readFiles() error {
	if s.ClientSecretFile != "" {
		data, err := readFile(s.ClientSecretFile)
		if err != nil {
			return fmt.Errorf("client_secret_file: %w", err)
		}
		if s.secret = strings.TrimSpace(string(data)); s.secret == "" {
			return fmt.Errorf("client_secret_file: %s is empty", s.ClientSecretFile)
		}
	}
	if s.CAFile == "" {
		return nil
	}
	data, err := readFile(s.CAFile)
	if err != nil {
		return fmt.Errorf("ca_file: %w", err)
	}
	s.roots = x509.NewCertPool()
	if !s.roots.AppendCertsFromPEM(data) {
		return fmt.Errorf("ca_file: %s has no certificate in PEM", s.CAFile)
	}
	return nil
}
