package tlsedge

import (
	"net/http"
	"slices"
	"strings"
)

// Guard passes requests to next whose connection was made under the rules of the host that
// they ask for. Others are answered 421, upon which a browser opens a connection of its own.
func (s *Server) Guard(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		if req.TLS == nil || s.fits(req) {
			next.ServeHTTP(w, req)
			return
		}
		w.Header().Set("Connection", "close")
		w.Header().Set("Cache-Control", "no-store")
		http.Error(w, "this connection was made for another site", http.StatusMisdirectedRequest)
	})
}

func (s *Server) fits(req *http.Request) bool {
	// Challenges' handshakes are made under no rules. Servers refuse such connections; that
	// is not left to them.
	if slices.Contains(s.certificates.Protocols(), req.TLS.NegotiatedProtocol) {
		return false
	}
	want, _ := s.policies.TLSPolicy(req.Host)
	if req.TLS.Version < want.MinVersion { // the rule is younger than the connection
		return false
	}
	if strings.EqualFold(withoutPort(req.Host), req.TLS.ServerName) {
		return true
	}
	made, _ := s.policies.TLSPolicy(req.TLS.ServerName)
	return made == want
}

func withoutPort(host string) string {
	if i := strings.LastIndexByte(host, ':'); i >= 0 && host[len(host)-1] != ']' {
		return host[:i]
	}
	return host
}
