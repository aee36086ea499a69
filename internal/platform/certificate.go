package platform

import (
	"crypto/ecdsa"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"strings"
	"time"
)

// ExpiryNotice is how long before its end the log warns about a certificate that is not
// renewed automatically.
const ExpiryNotice = 28 * 24 * time.Hour

// LocalAuthorityFile is the certificate of the router's local authority, for trust stores,
// in the router's directory of certificates.
const LocalAuthorityFile = "authority-certificate.pem"

// maxChain bounds the certificates of one chain, and maxPEM the bytes of one upload.
const (
	maxChain = 10
	maxPEM   = 256 << 10
)

// minRSA is the least length of an RSA key, in bits, that browsers accept.
const minRSA = 2048

// Certificate was uploaded for the domains of a project. Key is a secret: it is sealed in
// the store and shown nowhere.
type Certificate struct {
	ID          string // of the leaf: the same certificate has the same ID
	Project     string
	Certificate string     // PEM of the leaf
	Chain       []string   // PEM of each intermediate, the leaf's issuer first
	Key         PrivateKey `json:"-"`
	Domains     []string   // what it is valid for, as it says; "*.example.com" for a wildcard
	Issuer      []NamePart
	NotBefore   time.Time
	ExpiresAt   time.Time
	CreatedAt   time.Time
}

// PrivateKey is the PEM of a private key. It prints as what it is, never as its content.
type PrivateKey string

// String keeps keys out of logs and messages.
func (PrivateKey) String() string { return "(private key)" }

// GoString keeps keys out of %#v.
func (PrivateKey) GoString() string { return "(private key)" }

// KeyedCertificate is a certificate with its key, as the router gets and keeps it. It is
// written to private files and the control socket only.
type KeyedCertificate struct {
	Certificate
	PrivateKey string `json:"private_key"`
}

// WithKeys makes certificates carry their keys on the wire.
func WithKeys(list []Certificate) []KeyedCertificate {
	out := make([]KeyedCertificate, 0, len(list))
	for _, c := range list {
		out = append(out, KeyedCertificate{c, string(c.Key)})
	}
	return out
}

// FromKeyed is the way back.
func FromKeyed(list []KeyedCertificate) []Certificate {
	out := make([]Certificate, 0, len(list))
	for _, k := range list {
		k.Key = PrivateKey(k.PrivateKey)
		out = append(out, k.Certificate)
	}
	return out
}

// NamePart is one attribute of a distinguished name.
type NamePart struct {
	OID   string `json:"oid"`
	Alias string `json:"alias"` // "commonName"; empty for an attribute without a usual name
	Value string `json:"value"`
}

// CertificateStatus is what the router does for the TLS of one name.
type CertificateStatus struct {
	Host        string    `json:"host"`   // "shop.example.com" or "*.example.com"
	Source      string    `json:"source"` // "own", "acme" or "local"
	ID          string    `json:"id,omitempty"`
	Certificate string    `json:"certificate,omitempty"` // PEM
	Chain       []string  `json:"chain,omitempty"`
	ExpiresAt   time.Time `json:"expires_at,omitzero"`
	Problem     string    `json:"problem,omitempty"`   // why there is none from the authority that was asked
	NextTry     time.Time `json:"next_try,omitzero"`   // when it is asked again
	FailedAt    time.Time `json:"failed_at,omitzero"`  // the last time it said no
	Authority   string    `json:"authority,omitempty"` // URL of the ACME directory that is asked
}

// NewCertificate checks an upload and returns it in normal form. certificate is the leaf in
// PEM, with its chain behind it or in chain. An error is CodeInvalid and says what does not
// fit; it never contains the key.
func NewCertificate(project, certificate, key string, chain []string, now time.Time) (Certificate, error) {
	certs, err := readChain(certificate, chain)
	if err != nil {
		return Certificate{}, err
	}
	leaf := certs[0]
	if err := checkLeaf(leaf, now); err != nil {
		return Certificate{}, err
	}
	if err := checkKey(leaf, key); err != nil {
		return Certificate{}, err
	}
	if err := checkChain(certs, now); err != nil {
		return Certificate{}, err
	}
	c := Certificate{
		ID: CertificateID(leaf), Project: project, Certificate: CertificatePEM(leaf), Key: PrivateKey(normalPEM(key)),
		Domains: leaf.DNSNames, Issuer: NameParts(leaf.Issuer), NotBefore: leaf.NotBefore.UTC(), ExpiresAt: leaf.NotAfter.UTC(),
	}
	for _, link := range certs[1:] {
		c.Chain = append(c.Chain, CertificatePEM(link))
	}
	return c, nil
}

// CertificateID is the beginning of the SHA-256 of a certificate, hexadecimal.
func CertificateID(c *x509.Certificate) string {
	sum := sha256.Sum256(c.Raw)
	return hex.EncodeToString(sum[:16])
}

// readChain decodes all certificates of an upload, the leaf first.
func readChain(certificate string, chain []string) ([]*x509.Certificate, error) {
	var certs []*x509.Certificate
	for i, text := range append([]string{certificate}, chain...) {
		what := "the certificate"
		if i > 0 {
			what = fmt.Sprintf("part %d of the chain", i)
		}
		found, err := ParseCertificates(text)
		if err != nil {
			return nil, Errorf(CodeInvalid, "%s is not readable: %v; nothing was stored", what, err).
				WithHint("give a file in PEM: it begins with -----BEGIN CERTIFICATE-----")
		}
		certs = append(certs, found...)
	}
	if len(certs) > maxChain {
		return nil, Errorf(CodeInvalid, "the chain has %d certificates, at most %d are accepted; nothing was stored", len(certs), maxChain)
	}
	return certs, nil
}

// ParseCertificates reads one certificate or more from PEM. Other blocks than certificates,
// and text that is not PEM, are errors: they are the wrong file more often than not.
func ParseCertificates(text string) ([]*x509.Certificate, error) {
	if len(text) > maxPEM {
		return nil, fmt.Errorf("%d bytes are more than %d", len(text), maxPEM)
	}
	var certs []*x509.Certificate
	for rest := []byte(text); len(strings.TrimSpace(string(rest))) > 0; {
		var block *pem.Block
		block, rest = pem.Decode(rest)
		if block == nil {
			return nil, fmt.Errorf("no PEM after %d certificates", len(certs))
		}
		if block.Type != "CERTIFICATE" {
			return nil, fmt.Errorf("a block is a %s", strings.ToLower(block.Type))
		}
		c, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, err
		}
		certs = append(certs, c)
	}
	if len(certs) == 0 {
		return nil, errors.New("it is empty")
	}
	return certs, nil
}

func checkLeaf(leaf *x509.Certificate, now time.Time) error {
	switch {
	case leaf.IsCA:
		return Errorf(CodeInvalid, "the first certificate is that of an authority (%s); nothing was stored", leaf.Subject.CommonName).
			WithHint("give the certificate of the domain first, and the authorities' with --chain")
	case len(leaf.DNSNames) == 0:
		return Errorf(CodeInvalid, "the certificate names no domain; nothing was stored").
			WithHint("browsers read the subject alternative names only: have it issued with them")
	case now.After(leaf.NotAfter):
		return Errorf(CodeInvalid, "the certificate expired on %s; nothing was stored", leaf.NotAfter.UTC().Format(time.RFC3339)).
			WithHint("have it renewed")
	}
	if key, ok := leaf.PublicKey.(*rsa.PublicKey); ok && key.N.BitLen() < minRSA {
		return Errorf(CodeInvalid, "the certificate's RSA key has %d bits, browsers refuse less than %d; nothing was stored", key.N.BitLen(), minRSA)
	}
	return nil
}

// checkKey never says anything about the key but whether it fits.
func checkKey(leaf *x509.Certificate, key string) error {
	if len(key) > maxPEM {
		return Errorf(CodeInvalid, "the private key has more than %d bytes; nothing was stored", maxPEM)
	}
	if strings.Contains(key, "ENCRYPTED") {
		return Errorf(CodeInvalid, "the private key is encrypted; nothing was stored").
			WithHint("decrypt it first: openssl pkey -in key.pem -out plain.pem")
	}
	if _, err := tls.X509KeyPair([]byte(CertificatePEM(leaf)), []byte(key)); err != nil {
		return Errorf(CodeInvalid, "the private key does not belong to the certificate, or is not a PEM key; nothing was stored").
			WithHint("give the key that the certificate was requested with; openssl pkey -in key.pem -pubout shows its public half")
	}
	if pub, ok := leaf.PublicKey.(*ecdsa.PublicKey); ok && pub.Curve.Params().BitSize < 256 {
		return Errorf(CodeInvalid, "the certificate's key is on the curve %s, which browsers refuse; nothing was stored", pub.Curve.Params().Name)
	}
	return nil
}

// checkChain wants every certificate to be signed by the next.
func checkChain(certs []*x509.Certificate, now time.Time) error {
	for i := 1; i < len(certs); i++ {
		child, parent := certs[i-1], certs[i]
		if err := child.CheckSignatureFrom(parent); err != nil {
			return Errorf(CodeInvalid, "the chain is broken: %q did not sign %q; nothing was stored", parent.Subject.CommonName, child.Subject.CommonName).
				WithHint("give the intermediates in the order of issue: the one that signed the certificate first")
		}
		if now.After(parent.NotAfter) {
			return Errorf(CodeInvalid, "the intermediate %q expired on %s; nothing was stored", parent.Subject.CommonName, parent.NotAfter.UTC().Format(time.RFC3339)).
				WithHint("download the authority's present intermediate")
		}
	}
	return nil
}

// CertificatePEM returns a certificate in PEM.
func CertificatePEM(c *x509.Certificate) string {
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.Raw}))
}

// normalPEM keeps the PEM block of a key and drops comments around it.
func normalPEM(text string) string {
	for rest := []byte(text); ; {
		block, more := pem.Decode(rest)
		if block == nil {
			return text
		}
		if strings.HasSuffix(block.Type, "PRIVATE KEY") {
			return string(pem.EncodeToMemory(block))
		}
		rest = more
	}
}

// NameParts returns the attributes of a name in the API's shape.
func NameParts(n pkix.Name) []NamePart {
	parts := []NamePart{}
	for _, a := range n.Names {
		parts = append(parts, NamePart{OID: a.Type.String(), Alias: attributeName(a.Type.String()), Value: fmt.Sprint(a.Value)})
	}
	return parts
}

func attributeName(oid string) string {
	switch oid {
	case "2.5.4.3":
		return "commonName"
	case "2.5.4.6":
		return "countryName"
	case "2.5.4.7":
		return "localityName"
	case "2.5.4.8":
		return "stateOrProvinceName"
	case "2.5.4.10":
		return "organizationName"
	case "2.5.4.11":
		return "organizationalUnitName"
	default:
		return ""
	}
}
