package edge

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"net/http"
	"strings"
	"time"

	"sluice/internal/platform"
)

// BypassPath is where a bypass link leads, on every host of its environment. A valid
// "token" in the query is exchanged for a cookie; an empty one removes the cookie.
const BypassPath = "/.well-known/sluice/bypass" //nolint:gosec // a path

// bypassCookie carries a token. It is for one host and never reaches an application.
const bypassCookie = "sluice_bypass" //nolint:gosec // a name

// The life of a bypass token.
const (
	defaultBypass = time.Hour
	maxBypass     = 7 * 24 * time.Hour
)

// bypassKey signs tokens. It is kept in the state file, so that links outlive the process.
type bypassKey []byte

func newBypassKey() bypassKey {
	k := make(bypassKey, sha256.Size)
	_, _ = rand.Read(k) // never fails
	return k
}

// token is the time until which it is valid, and a signature over it and the environment.
func (k bypassKey) token(env platform.EnvironmentID, until time.Time) string {
	b := binary.BigEndian.AppendUint64(nil, uint64(until.Unix())) //nolint:gosec // after 1970
	return base64.RawURLEncoding.EncodeToString(append(b, k.sign(env, b)...))
}

func (k bypassKey) sign(env platform.EnvironmentID, until []byte) []byte {
	h := hmac.New(sha256.New, k)
	h.Write([]byte(env))
	h.Write([]byte{0})
	h.Write(until)
	return h.Sum(nil)
}

// valid returns until when a token is valid; ok is false for any other text.
func (k bypassKey) valid(env platform.EnvironmentID, token string) (until time.Time, ok bool) {
	b, err := base64.RawURLEncoding.DecodeString(token)
	if err != nil || len(b) != 8+sha256.Size || !hmac.Equal(b[8:], k.sign(env, b[:8])) {
		return time.Time{}, false
	}
	until = time.Unix(int64(binary.BigEndian.Uint64(b)), 0) //nolint:gosec // signed by token
	return until, time.Now().Before(until)
}

// Bypass is a link's secret: requests that have it pass holds and maintenance.
type Bypass struct {
	Path  string    `json:"path"`  // on any host of the environment, with the token
	Until time.Time `json:"until"` // when it ends
}

// Bypass returns a bypass of one environment that is valid for life, an hour when that is
// 0. It returns CodeInvalid for a life of more than seven days and CodeNotFound for an
// environment that is not known.
func (r *Router) Bypass(ctx context.Context, env platform.EnvironmentID, life time.Duration) (Bypass, error) {
	done, err := r.change(ctx)
	if err != nil {
		return Bypass{}, err
	}
	defer done()
	if life == 0 {
		life = defaultBypass
	}
	if life < 0 || life > maxBypass {
		return Bypass{}, platform.Errorf(platform.CodeInvalid, "a bypass of %s is too long: the limit is %s", life, maxBypass)
	}
	if r.known(env) == nil {
		return Bypass{}, errUnknown(env)
	}
	until := time.Now().Add(life).Truncate(time.Second)
	b := Bypass{Path: BypassPath + "?token=" + r.key.token(env, until), Until: until}
	return b, r.save() // the key, if it never was
}

// serveBypass exchanges a link's token for the cookie.
func (r *Router) serveBypass(w http.ResponseWriter, req *http.Request, e *environment, secure bool) {
	token := req.URL.Query().Get("token")
	cookie := &http.Cookie{ //nolint:gosec // Secure where the site is
		Name: bypassCookie, Value: token, Path: "/", HttpOnly: true, Secure: secure, SameSite: http.SameSiteLaxMode,
	}
	if token == "" {
		cookie.MaxAge = -1
	} else {
		until, ok := r.key.valid(e.id, token)
		if !ok {
			r.pages.write(w, req, http.StatusForbidden, pageBypass)
			return
		}
		cookie.Expires = until
	}
	http.SetCookie(w, cookie)
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("Referrer-Policy", "no-referrer") // the token is in this URL
	sendRedirect(w, "/", http.StatusSeeOther)
}

// bypasses reports whether a request is an operator's, by its cookie or its address.
func (r *Router) bypasses(req *http.Request, e *environment) bool {
	if c, err := req.Cookie(bypassCookie); err == nil {
		if _, ok := r.key.valid(e.id, c.Value); ok {
			return true
		}
	}
	return e.protection.Load().bypassesFrom(r.clients.addr(req))
}

// withoutBypass removes the cookie from a request that goes to an application.
func withoutBypass(h http.Header) {
	lines := h["Cookie"]
	for i, line := range lines {
		if !strings.Contains(line, bypassCookie) {
			continue
		}
		kept := make([]string, 0, 8)
		for part := range strings.SplitSeq(line, ";") {
			if name, _, _ := strings.Cut(strings.TrimSpace(part), "="); name != bypassCookie {
				kept = append(kept, part) // byte for byte, as in the cache's key
			}
		}
		lines[i] = strings.TrimLeft(strings.Join(kept, ";"), " ")
	}
	if len(lines) == 1 && lines[0] == "" {
		delete(h, "Cookie")
	}
}
