package store

import (
	"context"
	"database/sql"
	"errors"
	"net/netip"
	"slices"

	"sluice/internal/platform"
)

// subnetBits is the size of an environment's network: a /24 holds 253 containers.
const subnetBits = 24

func defaultSubnets() netip.Prefix { return netip.PrefixFrom(netip.AddrFrom4([4]byte{10, 213}), 16) }

func checkPool(pool netip.Prefix) error {
	if pool == (netip.Prefix{}) {
		return nil
	}
	if !pool.Addr().Is4() || pool.Bits() > subnetBits {
		return platform.Errorf(platform.CodeInvalid, "the pool of environment networks %q is not an IPv4 network of at least a /%d", pool, subnetBits)
	}
	return nil
}

// chooseSubnet sets env.Subnet when it is empty: to the stored one, or to the lowest of
// the pool that no environment has. Without a pool it stays empty.
func (t *tx) chooseSubnet(ctx context.Context, pool netip.Prefix, env *platform.Environment) error {
	if env.Subnet != "" {
		return nil
	}
	err := t.QueryRowContext(ctx, `SELECT ifnull(subnet, '') FROM environments WHERE project = ? AND name = ?`, env.Project, env.Name).Scan(&env.Subnet)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return err
	}
	if env.Subnet != "" || pool == (netip.Prefix{}) {
		return nil
	}
	env.Subnet, err = t.newSubnet(ctx, pool, "")
	return err
}

// newSubnet returns the lowest subnet of the pool that neither an environment nor another
// rehearsal has.
func (t *tx) newSubnet(ctx context.Context, pool netip.Prefix, rehearsal string) (string, error) {
	used, err := collect(ctx, t, scanText, `
		SELECT subnet FROM environments WHERE subnet IS NOT NULL UNION SELECT subnet FROM rehearsals WHERE subnet IS NOT NULL AND activity <> ?`, rehearsal)
	if err != nil {
		return "", err
	}
	return freeSubnet(pool, used)
}

func scanText(row scanner) (string, error) {
	var s string
	err := row.Scan(&s)
	return s, err
}

// freeSubnet returns the lowest subnet of pool that does not overlap a used one. Used
// ones may have been cut from another pool, in other sizes.
func freeSubnet(pool netip.Prefix, used []string) (string, error) {
	var taken []netip.Prefix
	for _, u := range used {
		if p, err := netip.ParsePrefix(u); err == nil {
			taken = append(taken, p)
		}
	}
	for p := netip.PrefixFrom(pool.Addr(), subnetBits); pool.Contains(p.Addr()); p = nextSubnet(p) {
		if !slices.ContainsFunc(taken, p.Overlaps) {
			return p.String(), nil
		}
	}
	return "", platform.Errorf(platform.CodeUnavailable, "all networks of the pool %s are in use; nothing was saved", pool).
		WithHint("delete unused environments, or configure a larger pool of networks")
}

// nextSubnet returns the subnet after p. After the last of all addresses it is the zero
// Prefix, which no pool contains.
func nextSubnet(p netip.Prefix) netip.Prefix {
	a := p.Addr().As4()
	for i := subnetBits/8 - 1; i >= 0; i-- {
		a[i]++
		if a[i] != 0 {
			return netip.PrefixFrom(netip.AddrFrom4(a), subnetBits)
		}
	}
	return netip.Prefix{}
}
