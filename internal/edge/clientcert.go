package edge

import (
	"crypto/tls"
	"encoding/pem"
	"net/http"
	"net/url"

	"sluice/internal/platform"
)

// uncertified reports whether the route needs a client's certificate and the request's
// connection showed none: also over plain HTTP, and also behind a proxy that speaks TLS
// itself, for nothing here proves what that proxy saw.
func (r *route) uncertified(req *http.Request) bool {
	return r.TLS.ClientAuth == platform.ClientAuthRequire && !r.upgrade && !verified(req.TLS)
}

func verified(state *tls.ConnectionState) bool {
	return state != nil && len(state.VerifiedChains) > 0
}

// setClientCert tells the application which certificate the client showed, and only on
// routes that ask for one. Values of these names that the client sent
// are gone by now.
func (r *route) setClientCert(h http.Header, state *tls.ConnectionState) {
	switch {
	case r.TLS.ClientAuth == "":
	case !verified(state):
		h.Set("X-Client-Verify", "NONE")
	default:
		leaf := state.PeerCertificates[0]
		h.Set("X-Client-Verify", "SUCCESS")
		h.Set("X-Client-Dn", leaf.Subject.String())
		h.Set("X-Client-Cert", url.PathEscape(string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: leaf.Raw}))))
	}
}
