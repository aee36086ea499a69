package platform

import (
	"net/netip"
	"strings"
	"time"
)

// EdgeSettings are what the router does for an environment besides its routes. They apply
// at once, without a deployment.
type EdgeSettings struct {
	RestrictRobots bool // every response tells search engines not to index it
	Access         HTTPAccess
	Bypass         []string // addresses and networks that a hold or maintenance does not stop
}

// HTTPAccess is who may see an environment's sites. Valid credentials pass even when the
// address is denied, and an allowed address needs none.
type HTTPAccess struct {
	Enabled   bool
	Addresses []AddressRule     // the first that matches decides
	Users     map[string]string // name -> password hash, see HashPassword
}

// Restricts reports whether anybody is kept out.
func (a HTTPAccess) Restricts() bool {
	return a.Enabled && (len(a.Addresses) > 0 || len(a.Users) > 0)
}

// AddressRule allows or denies the addresses of a network.
type AddressRule struct {
	Permission Permission
	Address    string // an address, a network in CIDR notation, or "any"
}

// Permission is what an address rule does.
type Permission string

// The permissions of address rules.
const (
	Allow Permission = "allow"
	Deny  Permission = "deny"
)

// EnvironmentSettings is what users set on an environment. A nil pointer or a zero value
// is "not set".
type EnvironmentSettings struct {
	RestrictRobots *bool         // nil: everywhere but in production
	HTTPAccess     *HTTPAccess   // nil: what the parent has
	HoldWait       time.Duration // how long requests may wait in a deployment; 0: the server's limit
	HoldRequests   int           // how many may wait at once; 0: DefaultHoldRequests
	Bypass         []string      // as in EdgeSettings
	NoCloneParent  bool          // its first deployment begins with empty data, not with the parent's
}

// The limits of what a user may set. A hold of more than an hour is an outage.
const (
	MaxHoldWait      = time.Hour
	MaxHoldRequests  = 1_000_000
	MaxAddressRules  = 1000
	MaxAccessUsers   = 100
	MinPassword      = 6 // characters
	MaxPassword      = 1024
	maxUserNameBytes = 255
)

// Validate returns CodeInvalid for settings that cannot be carried out.
func (s EnvironmentSettings) Validate() error {
	if s.HoldWait < 0 || s.HoldWait > MaxHoldWait || (s.HoldWait > 0 && s.HoldWait < time.Second) {
		return Errorf(CodeInvalid, "requests can be held from 1 s to %s, not %s; nothing was changed", MaxHoldWait, s.HoldWait)
	}
	if s.HoldRequests < 0 || s.HoldRequests > MaxHoldRequests {
		return Errorf(CodeInvalid, "from 1 to %d requests can be held, not %d; nothing was changed", MaxHoldRequests, s.HoldRequests)
	}
	if len(s.Bypass) > MaxAddressRules {
		return Errorf(CodeInvalid, "at most %d addresses can bypass a hold, not %d; nothing was changed", MaxAddressRules, len(s.Bypass))
	}
	for _, address := range s.Bypass {
		if _, err := ParseNetworks(address); err != nil {
			return err
		}
	}
	if s.HTTPAccess == nil {
		return nil
	}
	return s.HTTPAccess.Validate()
}

// Validate returns CodeInvalid for rules that cannot be carried out.
func (a HTTPAccess) Validate() error {
	if len(a.Addresses) > MaxAddressRules || len(a.Users) > MaxAccessUsers {
		return Errorf(CodeInvalid, "at most %d address rules and %d users are possible; nothing was changed", MaxAddressRules, MaxAccessUsers)
	}
	for _, rule := range a.Addresses {
		if rule.Permission != Allow && rule.Permission != Deny {
			return Errorf(CodeInvalid, "%q is neither %q nor %q; nothing was changed", rule.Permission, Allow, Deny)
		}
		if _, err := ParseNetworks(rule.Address); err != nil {
			return err
		}
	}
	for name := range a.Users {
		if name == "" || len(name) > maxUserNameBytes || strings.ContainsAny(name, ":\r\n\x00") {
			return Errorf(CodeInvalid, "%q cannot be a user: a name has 1 to %d bytes and no colon; nothing was changed", name, maxUserNameBytes)
		}
	}
	return nil
}

// ParseNetworks returns what an address rule matches: "any" is every IPv4 and IPv6
// address, an address is a network of its own.
func ParseNetworks(s string) ([]netip.Prefix, error) {
	if s == "any" {
		return []netip.Prefix{netip.MustParsePrefix("0.0.0.0/0"), netip.MustParsePrefix("::/0")}, nil
	}
	if p, err := netip.ParsePrefix(s); err == nil {
		return []netip.Prefix{p.Masked()}, nil
	}
	addr, err := netip.ParseAddr(s)
	if err != nil || addr.Zone() != "" {
		return nil, Errorf(CodeInvalid, "%q is not an address, a network such as 203.0.113.0/24 or \"any\"; nothing was changed", s)
	}
	addr = addr.Unmap()
	return []netip.Prefix{netip.PrefixFrom(addr, addr.BitLen())}, nil
}
