package account

import (
	"bytes"
	"context"
	"crypto/md5" //nolint:gosec // the form of fingerprint that clients compare
	"crypto/rand"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"strings"
	"time"

	"golang.org/x/crypto/ssh"

	"sluice/internal/access"
	"sluice/internal/platform"
)

// Limits of SSH keys and certificates.
const (
	maxSSHKeys   = 50
	maxKeyText   = 16 << 10
	minRSABits   = 2048
	certLife     = time.Hour
	certSkew     = 5 * time.Minute // clocks of clients differ
	minCertLife  = 2 * time.Minute // clients want a new one below it
	maxKeyTitle  = 200
	credentialIn = "credential@sluice" //nolint:gosec // the extension of a certificate that says what it was asked for with
)

// SSHKeys lists the subject's own keys.
func (s *Service) SSHKeys(ctx context.Context, by access.Subject) ([]platform.SSHKey, error) {
	return s.Records.SSHKeys(ctx, by.ID)
}

// AddSSHKey registers a public key, in the format of authorized_keys, of the subject. A key
// gives everything that its user may do, so a limited token cannot add one.
func (s *Service) AddSSHKey(ctx context.Context, by access.Subject, title, text string) (platform.SSHKey, error) {
	if err := s.wantFull(by, "SSH keys"); err != nil {
		return platform.SSHKey{}, err
	}
	if err := s.wantRecent(ctx, by); err != nil {
		return platform.SSHKey{}, err
	}
	key, comment, err := parseKey(text)
	if err != nil {
		return platform.SSHKey{}, err
	}
	if title = strings.TrimSpace(title); title == "" {
		title = strings.TrimSpace(comment)
	}
	if len(title) > maxKeyTitle || !printable(title) {
		return platform.SSHKey{}, platform.Errorf(platform.CodeInvalid, "the title of the key is not valid; nothing was added").
			WithHint("use %d bytes at most and no control characters", maxKeyTitle).WithField("title")
	}
	own, err := s.Records.SSHKeys(ctx, by.ID)
	if err != nil {
		return platform.SSHKey{}, err
	}
	if len(own) >= maxSSHKeys {
		return platform.SSHKey{}, platform.Errorf(platform.CodeConflict, "you have %d SSH keys; nothing was added", len(own)).
			WithHint("delete one first: sluice ssh-key:delete ID")
	}
	if err := s.record(ctx, by, access.UserManage, "", "add SSH key "+ssh.FingerprintSHA256(key)); err != nil {
		return platform.SSHKey{}, err
	}
	added, err := s.Records.AddSSHKey(ctx, platform.SSHKey{User: by.ID, Title: title, Value: keyText(key)})
	if platform.ErrorCode(err) == platform.CodeConflict {
		return platform.SSHKey{}, platform.Errorf(platform.CodeConflict, "the SSH key is registered already; nothing was added").
			WithHint("`sluice ssh-key:list` shows yours; a key belongs to one user").WithField("value")
	}
	return added, err
}

// DeleteSSHKey removes one of the subject's own keys; who is logged in with it is put out.
func (s *Service) DeleteSSHKey(ctx context.Context, by access.Subject, id int64) error {
	if err := s.wantFull(by, "SSH keys"); err != nil {
		return err
	}
	if err := s.record(ctx, by, access.UserManage, "", "delete SSH key"); err != nil {
		return err
	}
	err := s.Records.DeleteSSHKey(ctx, by.ID, id)
	if platform.ErrorCode(err) == platform.CodeNotFound {
		return platform.Errorf(platform.CodeNotFound, "SSH key %d not found; nothing was deleted", id).
			WithHint("`sluice ssh-key:list` shows your keys")
	}
	return err
}

// wantFull refuses a subject whose token allows less than its user may do.
func (s *Service) wantFull(by access.Subject, what string) error {
	if by.Full() {
		return nil
	}
	return platform.Errorf(platform.CodeForbidden, "a token with scopes cannot change %s; nothing was changed", what).
		WithHint("log in without one: sluice auth:login")
}

// parseKey reads one public key that can be used for log-ins.
func parseKey(text string) (ssh.PublicKey, string, error) {
	invalid := func(why string) error {
		return platform.Errorf(platform.CodeInvalid, "%s; nothing was added", why).
			WithHint("give one line such as the file ~/.ssh/id_ed25519.pub has").WithField("value")
	}
	if len(text) > maxKeyText {
		return nil, "", invalid("the SSH key is too long")
	}
	key, comment, options, rest, err := ssh.ParseAuthorizedKey([]byte(text))
	if err != nil || len(options) > 0 || len(bytes.TrimSpace(rest)) > 0 {
		return nil, "", invalid("this is not one public SSH key")
	}
	switch key.Type() {
	case ssh.KeyAlgoED25519, ssh.KeyAlgoECDSA256, ssh.KeyAlgoECDSA384, ssh.KeyAlgoECDSA521, ssh.KeyAlgoSKED25519, ssh.KeyAlgoSKECDSA256:
		return key, comment, nil
	case ssh.KeyAlgoRSA:
		if bits := rsaBits(key); bits < minRSABits {
			return nil, "", invalid("the RSA key is too short")
		}
		return key, comment, nil
	}
	return nil, "", invalid("keys of the type " + key.Type() + " are not accepted")
}

// rsaBits returns the size of the modulus of an RSA key.
func rsaBits(key ssh.PublicKey) int {
	var fields struct {
		Name string
		E, N []byte
	}
	if ssh.Unmarshal(key.Marshal(), &fields) != nil {
		return 0
	}
	const bitsOfByte = 8
	return len(bytes.TrimLeft(fields.N, "\x00")) * bitsOfByte
}

// keyText returns the form in which a key is stored and looked up.
func keyText(key ssh.PublicKey) string {
	return strings.TrimSpace(string(ssh.MarshalAuthorizedKey(key)))
}

// Fingerprint returns the MD5 of a stored key, hexadecimal without colons, as clients compare
// it.
func (s *Service) Fingerprint(k platform.SSHKey) string {
	key, _, err := parseKey(k.Value)
	if err != nil {
		return ""
	}
	sum := md5.Sum(key.Marshal()) //nolint:gosec // not for security
	return hex.EncodeToString(sum[:])
}

// Certify signs a public key of the subject for about an hour. It can do what the subject
// can do now, and ends with what the subject proved itself with.
func (s *Service) Certify(ctx context.Context, by access.Subject, text string) (string, error) {
	key, _, err := parseKey(text)
	if err != nil {
		return "", err
	}
	credential, end, err := s.lasting(ctx, by)
	if err != nil {
		return "", err
	}
	now := s.now()
	before := now.Add(certLife)
	if !end.IsZero() && end.Before(before) {
		before = end
	}
	if before.Sub(now) < minCertLife {
		return "", platform.Errorf(platform.CodeUnauthorized, "the log-in ends too soon for a certificate").WithHint("log in again: sluice auth:login")
	}
	var serial [8]byte
	_, _ = rand.Read(serial[:]) // never fails (crypto/rand)
	cert := &ssh.Certificate{
		Key: key, CertType: ssh.UserCert, KeyId: by.ID, ValidPrincipals: []string{by.ID}, Serial: binary.BigEndian.Uint64(serial[:]),
		ValidAfter: uint64(now.Add(-certSkew).Unix()), ValidBefore: uint64(before.Unix()), //nolint:gosec // times after 1970
		Permissions: ssh.Permissions{Extensions: map[string]string{
			"permit-pty": "", "permit-port-forwarding": "", "permit-agent-forwarding": "", credentialIn: credential,
		}},
	}
	if err := cert.SignCert(rand.Reader, s.Authority); err != nil {
		return "", err
	}
	return keyText(cert), nil
}

// lasting returns the credential for a certificate and when it ends: for a session of an API
// token, which lives for minutes, the API token.
func (s *Service) lasting(ctx context.Context, by access.Subject) (credential string, end time.Time, err error) {
	credential = by.Credential
	if id, ok := cutCredential(credential, bySession); ok {
		session, err := s.Records.Session(ctx, id)
		if err != nil {
			return "", end, err
		}
		if session.Token == "" {
			return credential, session.ExpiresAt, nil
		}
		credential = byToken + "/" + session.Token
	}
	id, ok := cutCredential(credential, byToken)
	if !ok {
		return "", end, platform.Errorf(platform.CodeForbidden, "only a log-in or an API token gets a certificate").WithHint("log in: sluice auth:login")
	}
	t, err := s.Records.Token(ctx, id)
	return credential, t.ExpiresAt, err
}

// AuthorityKey returns the public key that certificates are signed with, in the format of
// authorized_keys.
func (s *Service) AuthorityKey() string { return keyText(s.Authority.PublicKey()) }

// Subject returns whom a public key or a certificate belongs to. It returns CodeUnauthorized
// for one that gives no access now. Whether the client has the private key is for the
// transport to check.
func (s *Service) Subject(ctx context.Context, key ssh.PublicKey) (access.Subject, error) {
	if cert, ok := key.(*ssh.Certificate); ok {
		return s.byCertificate(ctx, cert)
	}
	k, err := s.Records.SSHKey(ctx, keyText(key))
	if platform.ErrorCode(err) == platform.CodeNotFound {
		return access.Subject{}, errUnknownKey(errors.New("the key is not registered"))
	}
	if err != nil {
		return access.Subject{}, err
	}
	return s.ofKey(ctx, k)
}

// byCertificate returns whom a certificate belongs to.
func (s *Service) byCertificate(ctx context.Context, cert *ssh.Certificate) (access.Subject, error) {
	if cert.CertType != ssh.UserCert || !bytes.Equal(cert.SignatureKey.Marshal(), s.Authority.PublicKey().Marshal()) || len(cert.ValidPrincipals) == 0 {
		return access.Subject{}, errUnknownKey(errors.New("the certificate is not one of this server for users"))
	}
	checker := &ssh.CertChecker{Clock: s.now}
	if err := checker.CheckCert(cert.KeyId, cert); err != nil {
		return access.Subject{}, errUnknownKey(err)
	}
	subject, err := s.Current(ctx, access.Subject{Credential: cert.Extensions[credentialIn]})
	if err != nil {
		return access.Subject{}, err
	}
	if subject.ID != cert.KeyId {
		return access.Subject{}, errUnknownKey(errors.New("the certificate is of another user"))
	}
	return subject, nil
}

func errUnknownKey(err error) error {
	return &platform.Error{
		Code: platform.CodeUnauthorized, Message: "this SSH key gives no access", Err: err,
		Hint: "register it with `sluice ssh-key:add`, or log in for a certificate",
	}
}
