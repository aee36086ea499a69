package account_test

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/crypto/ssh"

	"sluice/internal/access"
	"sluice/internal/platform"
)

// newKey returns a public key and its line in authorized_keys.
func newKey(tb testing.TB) (ssh.PublicKey, string) {
	tb.Helper()
	public, _, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		tb.Fatal(err)
	}
	key, err := ssh.NewPublicKey(public)
	if err != nil {
		tb.Fatal(err)
	}
	return key, strings.TrimSpace(string(ssh.MarshalAuthorizedKey(key)))
}

func TestKeysAreOfOneUserAndGoWithIt(t *testing.T) {
	w := newWorld(t)
	ctx := t.Context()
	jo, ann := w.user(t, "jo", "shop:admin"), w.user(t, "ann", "shop:admin")
	key, line := newKey(t)
	_, err := w.Subject(ctx, key)
	wantCode(t, err, platform.CodeUnauthorized)
	added, err := w.AddSSHKey(ctx, jo, "", line+" jo@laptop\n")
	check(t, err)
	if added.Title != "jo@laptop" || added.Value != line || len(w.Fingerprint(added)) != 32 {
		t.Errorf("%+v, fingerprint %s", added, w.Fingerprint(added))
	}
	_, err = w.AddSSHKey(ctx, ann, "stolen", line)
	wantCode(t, err, platform.CodeConflict)
	s, err := w.Subject(ctx, key)
	if err != nil || s.ID != "jo" || !s.Allows(access.Exec, "shop", platform.Production) {
		t.Errorf("%+v, %v", s, err)
	}
	wantCode(t, w.DeleteSSHKey(ctx, ann, added.ID), platform.CodeNotFound)
	check(t, w.DeleteSSHKey(ctx, jo, added.ID))
	_, err = w.Subject(ctx, key)
	wantCode(t, err, platform.CodeUnauthorized)
	_, err = w.Current(ctx, s)
	wantCode(t, err, platform.CodeUnauthorized)
}

// TestALimitedTokenAddsNoKey: a key has no limits.
func TestALimitedTokenAddsNoKey(t *testing.T) {
	w := newWorld(t)
	jo := w.user(t, "jo", "shop:admin")
	_, line := newKey(t)
	limited := w.subject(t, w.token(t, jo, "ci", "shop:viewer"))
	_, err := w.AddSSHKey(t.Context(), limited, "", line)
	wantCode(t, err, platform.CodeForbidden)
	wantCode(t, w.DeleteSSHKey(t.Context(), limited, 1), platform.CodeForbidden)
	all := w.subject(t, w.token(t, jo, "all", "shop:admin"))
	_, err = w.AddSSHKey(t.Context(), all, "", line) // limits that take nothing away
	check(t, err)
}

func TestKeysThatAreNoKeys(t *testing.T) {
	w := newWorld(t)
	jo := w.user(t, "jo")
	_, line := newKey(t)
	_, other := newKey(t)
	short, err := rsa.GenerateKey(rand.Reader, 1024) // too short on purpose
	check(t, err)
	weak, err := ssh.NewPublicKey(&short.PublicKey)
	check(t, err)
	for _, bad := range []string{
		"", "nonsense", line[:40], "command=\"sh\" " + line, line + "\n" + other, strings.Repeat("x", 1<<20),
		string(ssh.MarshalAuthorizedKey(weak)), "ssh-dss AAAAB3NzaC1kc3MAAAABAQAAAAEBAAAAAQEAAAABAQ==",
	} {
		if _, err := w.AddSSHKey(t.Context(), jo, "", bad); platform.ErrorCode(err) != platform.CodeInvalid {
			t.Errorf("%.60q was accepted: %v", bad, err)
		}
	}
	_, err = w.AddSSHKey(t.Context(), jo, "\x1b[2J", line)
	wantCode(t, err, platform.CodeInvalid)
}

// certificate asks for a certificate and reads it.
func (w *world) certificate(t *testing.T, by access.Subject) *ssh.Certificate {
	t.Helper()
	_, line := newKey(t)
	text, err := w.Certify(t.Context(), by, line)
	check(t, err)
	key, _, _, _, err := ssh.ParseAuthorizedKey([]byte(text))
	check(t, err)
	cert, ok := key.(*ssh.Certificate)
	if !ok {
		t.Fatalf("got a %s", key.Type())
	}
	return cert
}

func TestCertificatesEndWithWhatTheyWereMadeWith(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		ctx := t.Context()
		jo := w.user(t, "jo", "shop:admin")
		issued, err := w.ExchangeToken(ctx, "cli", w.token(t, jo, "ci", "shop:viewer"))
		check(t, err)
		cert := w.certificate(t, w.subject(t, issued.Access))
		if cert.KeyId != "jo" || cert.CertType != ssh.UserCert || cert.ValidBefore < uint64(time.Now().Add(2*time.Minute).Unix()) || cert.ValidAfter > uint64(time.Now().Unix()) {
			t.Errorf("%+v", cert)
		}
		s, err := w.Subject(ctx, cert)
		if err != nil || s.ID != "jo" || s.Allows(access.Exec, "shop", platform.Production) || !s.Allows(access.LogsView, "shop", platform.Production) {
			t.Errorf("%+v, %v", s, err)
		}
		time.Sleep(30 * time.Minute) // the session has ended, the API token has not
		_, err = w.Subject(ctx, cert)
		check(t, err)
		time.Sleep(time.Hour)
		_, err = w.Subject(ctx, cert)
		wantCode(t, err, platform.CodeUnauthorized)
		_, err = w.Current(ctx, s) // who is logged in stays
		check(t, err)

		token := w.token(t, jo, "short")
		cert = w.certificate(t, w.subject(t, token))
		check(t, w.RevokeToken(ctx, jo, "short"))
		_, err = w.Subject(ctx, cert)
		wantCode(t, err, platform.CodeUnauthorized)

		key, _ := newKey(t)
		_, err = w.Certify(ctx, access.Subject{Actor: jo.Actor, Credential: "key/x"}, string(ssh.MarshalAuthorizedKey(key)))
		wantCode(t, err, platform.CodeForbidden)
	})
}

// TestForgedCertificates: of another authority, for hosts, for nobody in particular, changed.
func TestForgedCertificates(t *testing.T) {
	w := newWorld(t)
	ctx := t.Context()
	w.user(t, "boss", "*:admin")
	jo := w.subject(t, w.token(t, w.user(t, "jo", "shop:viewer"), "ci"))
	other := newWorld(t)
	other.user(t, "jo", "shop:viewer")
	good := w.certificate(t, jo)
	for name, forge := range map[string]func(c *ssh.Certificate) ssh.Signer{
		"another authority": func(*ssh.Certificate) ssh.Signer { return other.Authority },
		"a host":            func(c *ssh.Certificate) ssh.Signer { c.CertType = ssh.HostCert; return w.Authority },
		"no principal":      func(c *ssh.Certificate) ssh.Signer { c.ValidPrincipals = nil; return w.Authority },
		"another user": func(c *ssh.Certificate) ssh.Signer {
			c.KeyId, c.ValidPrincipals = "boss", []string{"boss"}
			return w.Authority
		},
		"no credential": func(c *ssh.Certificate) ssh.Signer { delete(c.Extensions, "credential@sluice"); return w.Authority },
		"critical options": func(c *ssh.Certificate) ssh.Signer {
			c.CriticalOptions = map[string]string{"force-command": "x"}
			return w.Authority
		},
		"the user changed": func(c *ssh.Certificate) ssh.Signer { c.KeyId, c.ValidPrincipals = "boss", []string{"boss"}; return nil },
	} {
		cert := w.certificate(t, jo)
		if signer := forge(cert); signer != nil {
			check(t, cert.SignCert(rand.Reader, signer))
		}
		if s, err := w.Subject(ctx, cert); platform.ErrorCode(err) != platform.CodeUnauthorized {
			t.Errorf("%s: %+v, %v", name, s, err)
		}
	}
	_, err := w.Subject(ctx, good)
	check(t, err)
}

func TestChangedRightsAreToldSoon(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		boss, jo := w.user(t, "boss", "*:admin"), w.user(t, "jo", "shop:admin")
		changed := w.Watch(t.Context())
		time.Sleep(time.Minute)
		select {
		case <-changed:
			t.Fatal("nothing changed")
		default:
		}
		for i, change := range []func() error{
			func() error { _, err := w.SetRole(t.Context(), boss, "shop", "jo", access.Viewer); return err },
			func() error { w.token(t, jo, "x"); return w.RevokeToken(t.Context(), jo, "x") },
			func() error { return w.RemoveMember(t.Context(), boss, "shop", "jo") },
			func() error { return w.DeleteUser(t.Context(), boss, "jo") },
		} {
			began := time.Now()
			check(t, change())
			<-changed
			if took := time.Since(began); took > 5*time.Second {
				t.Errorf("change %d: told after %v", i, took)
			}
		}
	})
}

// FuzzKeys: no text makes the parser of keys panic, and what it accepts is read again.
func FuzzKeys(f *testing.F) {
	_, line := newKey(f)
	f.Add(line)
	f.Add("ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAAAAA==")
	f.Add("ecdsa-sha2-nistp256-cert-v01@openssh.com AAAA")
	f.Fuzz(func(t *testing.T, text string) {
		w := newWorld(t)
		jo := w.user(t, "jo")
		k, err := w.AddSSHKey(t.Context(), jo, "", text)
		if err != nil {
			if code := platform.ErrorCode(err); code != platform.CodeInvalid {
				t.Fatalf("%q: %v", text, err)
			}
			return
		}
		if w.Fingerprint(k) == "" {
			t.Fatalf("%q was stored as %q", text, k.Value)
		}
	})
}
