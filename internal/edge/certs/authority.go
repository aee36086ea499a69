package certs

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/singleflight"

	"sluice/internal/platform"
)

// authorityFile holds the authority with its key.
const authorityFile = "authority.pem"

const (
	day           = 24 * time.Hour
	authorityLife = 10 * 365 * day
	leafLife      = 90 * day // browsers refuse more than 398 days
	leafRenewal   = 30 * day
	backdated     = time.Hour // clocks differ
	maxLeaves     = 4096      // kept; under a wildcard anybody can ask for any number of names
)

// Authority signs certificates that only those trust who were told to. It is safe for
// concurrent use.
type Authority struct {
	now  func() time.Time
	cert *x509.Certificate
	key  *ecdsa.PrivateKey

	signing singleflight.Group // by name; outside of the lock, which all handshakes take

	mu     sync.Mutex
	leaves map[string]*tls.Certificate
}

// OpenAuthority reads the authority in dir, making it with a private key that only the
// owner can read when there is none or when it has expired.
func OpenAuthority(dir string, now func() time.Time) (*Authority, error) {
	a := &Authority{now: now, leaves: map[string]*tls.Certificate{}}
	path := filepath.Join(dir, authorityFile)
	err := a.read(path)
	if errors.Is(err, fs.ErrNotExist) {
		if err := createAuthority(path, now()); err != nil {
			return nil, fmt.Errorf("create the local authority: %w", err)
		}
		err = a.read(path)
	}
	if err != nil {
		return nil, fmt.Errorf("read the local authority %s: %w", path, err)
	}
	if now().After(a.cert.NotAfter.Add(-leafLife)) {
		if err := os.Rename(path, path+".expired"); err != nil {
			return nil, fmt.Errorf("set aside the expired local authority: %w", err)
		}
		return OpenAuthority(dir, now)
	}
	public := filepath.Join(dir, platform.LocalAuthorityFile)
	if old, err := os.ReadFile(public); err != nil || !bytes.Equal(old, a.PEM()) { //nolint:gosec // the operator chose it
		if err := os.WriteFile(public, a.PEM(), 0o644); err != nil { //nolint:gosec // it is public
			return nil, fmt.Errorf("write the local authority's certificate: %w", err)
		}
	}
	return a, nil
}

// PEM returns the certificate for trust stores.
func (a *Authority) PEM() []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: a.cert.Raw})
}

func (a *Authority) read(path string) error {
	data, err := os.ReadFile(path) //nolint:gosec // the operator chose it
	if err != nil {
		return err
	}
	pair, err := tls.X509KeyPair(data, data)
	if err != nil {
		return err
	}
	key, ok := pair.PrivateKey.(*ecdsa.PrivateKey)
	if !ok || !pair.Leaf.IsCA {
		return errors.New("it is none that this program made; move it away to have a new one made")
	}
	a.cert, a.key = pair.Leaf, key
	return nil
}

// createAuthority writes key and certificate as one file, which is linked into place:
// after a crash there is a whole one or none, and two processes agree on one.
func createAuthority(path string, now time.Time) error {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	serial, err := newSerial()
	if err != nil {
		return err
	}
	template := &x509.Certificate{
		SerialNumber: serial,
		Subject: pkix.Name{
			Organization: []string{"Sluice"},
			CommonName:   "Sluice local authority " + now.UTC().Format("2006-01-02") + " " + serial.Text(36)[:6],
		},
		NotBefore: now.Add(-backdated), NotAfter: now.Add(authorityLife),
		IsCA: true, BasicConstraintsValid: true, MaxPathLenZero: true,
		KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageCRLSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		return err
	}
	secret, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return err
	}
	text := append(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}),
		pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: secret})...)
	return linkNew(path, text)
}

// linkNew makes the file at path hold text unless there is one.
func linkNew(path string, text []byte) error {
	f, err := os.CreateTemp(filepath.Dir(path), ".authority-*") // mode 0600
	if err != nil {
		return err
	}
	defer func() { _ = os.Remove(f.Name()) }() // the link stays
	_, err = f.Write(text)
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	if err := os.Link(f.Name(), path); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	return nil
}

// Certificate returns a certificate for a requested name that belongs to host, a host of
// the route table. One certificate serves all names directly below a wildcard. A name that
// is not served gets the machine's own, which fits no site: a client cannot have this authority
// sign a name of its choice.
func (a *Authority) Certificate(name, host string) (*tls.Certificate, error) {
	san := host
	if rest, ok := strings.CutPrefix(host, "*."); ok {
		below, _ := strings.CutSuffix(name, "."+rest)
		if strings.Contains(below, ".") || !strings.Contains(rest, ".") {
			san = name // a wildcard stands for one label, and browsers want two behind it
		}
	}
	if c := a.signed(san); c != nil {
		return c, nil
	}
	signed, err, _ := a.signing.Do(san, func() (any, error) {
		if c := a.signed(san); c != nil { // since the look above
			return c, nil
		}
		c, err := a.sign(san)
		if err == nil {
			a.keep(san, c)
		}
		return c, err
	})
	if err != nil {
		return nil, fmt.Errorf("sign a certificate for %q: %w", san, err)
	}
	c, _ := signed.(*tls.Certificate) // which it is
	return c, nil
}

// signed returns a certificate that was signed before; nil for none.
func (a *Authority) signed(san string) *tls.Certificate {
	a.mu.Lock()
	defer a.mu.Unlock()
	if c := a.leaves[san]; c != nil && a.now().Before(c.Leaf.NotAfter.Add(-leafRenewal)) {
		return c
	}
	return nil
}

// keep remembers a certificate, in place of any other when there are too many.
func (a *Authority) keep(san string, c *tls.Certificate) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for other := range a.leaves {
		if len(a.leaves) < maxLeaves {
			break
		}
		delete(a.leaves, other)
	}
	a.leaves[san] = c
}

// sign makes a certificate for a name; "" is the machine itself.
func (a *Authority) sign(san string) (*tls.Certificate, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	serial, err := newSerial()
	if err != nil {
		return nil, err
	}
	template := &x509.Certificate{
		SerialNumber: serial, Subject: pkix.Name{Organization: []string{"Sluice local certificate"}},
		NotBefore: a.now().Add(-backdated), NotAfter: a.now().Add(leafLife),
		BasicConstraintsValid: true, KeyUsage: x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}, DNSNames: []string{san},
	}
	if san == "" {
		template.DNSNames = []string{"localhost"}
		template.IPAddresses = []net.IP{net.IPv4(127, 0, 0, 1), net.IPv6loopback}
	}
	der, err := x509.CreateCertificate(rand.Reader, template, a.cert, &key.PublicKey, a.key)
	if err != nil {
		return nil, err
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, err
	}
	return &tls.Certificate{Certificate: [][]byte{der, a.cert.Raw}, PrivateKey: key, Leaf: leaf}, nil
}

func newSerial() (*big.Int, error) {
	return rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 127))
}
