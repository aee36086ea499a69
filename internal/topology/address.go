package topology

import (
	"fmt"
	"net/netip"

	"sluice/internal/engine"
)

// firstService is the host number of the first service in the environment's /24; lower
// ones are left to the gateway, the upper half of the subnet to web and worker containers.
const (
	firstService = 10
	lastService  = 126
)

// addresses gives every service a fixed address in the subnet. A service keeps the
// address that it had in the previous release, so that running containers stay right.
// Without a subnet the engine finds services in its own way.
func addresses(subnet string, names []string, previous *engine.Spec) (map[string]string, error) {
	if subnet == "" {
		return map[string]string{}, nil
	}
	prefix, err := netip.ParsePrefix(subnet)
	if err != nil {
		return nil, fmt.Errorf("subnet of the environment: %w", err)
	}
	out := map[string]string{}
	taken := map[string]bool{}
	if previous != nil && previous.Subnet == subnet {
		for _, s := range previous.Services {
			out[s.Name] = s.Address
			taken[s.Address] = true
		}
	}
	next := prefix.Masked().Addr()
	for range firstService {
		next = next.Next()
	}
	for _, name := range names {
		if out[name] != "" {
			continue
		}
		for taken[next.String()] {
			next = next.Next()
		}
		if b := next.As4(); b[3] > lastService {
			return nil, fmt.Errorf("subnet %s has no address left for service %q", subnet, name)
		}
		out[name] = next.String()
		taken[next.String()] = true
	}
	return out, nil
}
