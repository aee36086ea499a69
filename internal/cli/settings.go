package cli

import (
	"context"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"sluice/apiv1"
)

// setting turns the text of `environment:info PROPERTY VALUE` into a change.
func setting(property, value string) (apiv1.EnvironmentChange, error) {
	var change apiv1.EnvironmentChange
	switch property {
	case "title":
		change.Title = &value
	case "parent":
		if value == "-" {
			value = ""
		}
		change.Parent = &value
	case "type":
		change.Type = &value
	case "restrict_robots":
		on, err := strconv.ParseBool(value)
		if err != nil {
			return change, usageError("", "%s is true or false, not %q", property, value)
		}
		change.RestrictRobots = &on
	case "hold_max_wait":
		seconds, err := secondsOf(value)
		if err != nil {
			return change, usageError("", "%s is a number of seconds or a time such as 90s or 5m, not %q", property, value)
		}
		change.HoldMaxWait = &seconds
	case "hold_max_requests":
		n, err := strconv.Atoi(value)
		if err != nil {
			return change, usageError("", "%s is a number, not %q", property, value)
		}
		change.HoldMaxRequests = &n
	case "bypass_addresses":
		addresses := listOf(value)
		change.BypassAddresses = &addresses
	default:
		return change, usageError("these can be: title, parent, type, restrict_robots, hold_max_wait, hold_max_requests, bypass_addresses",
			"the property %q cannot be set", property)
	}
	return change, nil
}

// secondsOf reads a number of seconds, or a duration with its unit.
func secondsOf(value string) (float64, error) {
	if seconds, err := strconv.ParseFloat(value, 64); err == nil {
		return seconds, nil
	}
	d, err := time.ParseDuration(value)
	return d.Seconds(), err
}

// listOf splits at commas; "-" is an empty list.
func listOf(value string) []string {
	items := []string{}
	if value == "-" {
		return items
	}
	for item := range strings.SplitSeq(value, ",") {
		if item = strings.TrimSpace(item); item != "" {
			items = append(items, item)
		}
	}
	return items
}

// setProperty changes one property and says what it is now.
func (c *program) setProperty(ctx context.Context, s selection, property, value string) error {
	change, err := setting(property, value)
	if err != nil {
		return err
	}
	env, err := s.ChangeEnvironment(ctx, s.project, s.env, change)
	if err != nil {
		return err
	}
	return printProperty(c, env, property)
}

func (c *program) environmentHTTPAccess() *cobra.Command {
	var (
		rules, users []string
		enabled      string
	)
	cmd := &cobra.Command{
		Use:     "environment:http-access",
		Aliases: []string{"httpaccess"},
		Short:   "Show or change who may see an environment's sites",
		Long: "Shows or changes who may see an environment's sites, at once and without a deployment.\n\n" +
			"Address rules are evaluated in order and the first match decides: give allow before deny,\n" +
			"and end with deny:any. Users with a password get in from any address. Child environments inherit the rules.",
		Example: "  sluice httpaccess --access allow:203.0.113.0/24 --access deny:any --auth ann:correct-horse\n" +
			"  sluice httpaccess --auth 0    # remove all users",
		Args: positional(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			change, err := accessChange(rules, users, enabled)
			if err != nil {
				return err
			}
			s, err := c.selectEnvironment(cmd.Context())
			if err != nil {
				return err
			}
			return c.httpAccess(cmd.Context(), s, change)
		},
	}
	f := cmd.Flags()
	f.StringArrayVar(&rules, "access", nil, "an address rule, such as allow:203.0.113.0/24 or deny:any; 0 for none. Replaces all rules")
	f.StringArrayVar(&users, "auth", nil, "a user and a password, as USER:PASSWORD; USER: keeps the password; 0 for none. Replaces all users")
	f.StringVar(&enabled, "enabled", "", "1 or 0: whether the rules and users apply")
	return cmd
}

// httpAccess changes what is to be changed and shows how it is then.
func (c *program) httpAccess(ctx context.Context, s selection, change *apiv1.HTTPAccessChange) error {
	var (
		env apiv1.Environment
		err error
	)
	if change == nil {
		env, err = s.Environment(ctx, s.project, s.env)
	} else {
		env, err = s.ChangeEnvironment(ctx, s.project, s.env, apiv1.EnvironmentChange{HTTPAccess: change})
	}
	if err != nil {
		return err
	}
	access := env.HTTPAccess
	if access.IsEnabled && len(access.Addresses) > 0 && len(access.BasicAuth) == 0 && !deniesRest(access.Addresses) {
		c.note("addresses that match no rule may see the site; end with --access deny:any to deny them")
	}
	return writeText(c.out, accessYAML(access))
}

// deniesRest reports whether some rule denies every address.
func deniesRest(rules []apiv1.AddressRule) bool {
	return slices.ContainsFunc(rules, func(r apiv1.AddressRule) bool {
		return r.Permission == "deny" && (r.Address == "any" || strings.HasSuffix(r.Address, "/0"))
	})
}

// accessChange is nil when nothing is to be changed.
func accessChange(rules, users []string, enabled string) (*apiv1.HTTPAccessChange, error) {
	if len(rules) == 0 && len(users) == 0 && enabled == "" {
		return nil, nil //nolint:nilnil // nothing to change is not an error
	}
	change := &apiv1.HTTPAccessChange{}
	if enabled != "" {
		on, err := strconv.ParseBool(enabled)
		if err != nil {
			return nil, usageError("", "--enabled is 1 or 0, not %q", enabled)
		}
		change.IsEnabled = &on
	}
	if len(rules) > 0 {
		parsed, err := addressRules(rules)
		if err != nil {
			return nil, err
		}
		change.Addresses = &parsed
	}
	if len(users) > 0 {
		passwords := map[string]string{}
		for _, user := range users {
			name, password, ok := strings.Cut(user, ":")
			switch {
			case user == "0" && len(users) == 1:
			case !ok || name == "":
				return nil, usageError("", "--auth is USER:PASSWORD, or 0 for no users")
			default:
				passwords[name] = password
			}
		}
		change.BasicAuth = &passwords
	}
	return change, nil
}

func addressRules(texts []string) ([]apiv1.AddressRule, error) {
	rules := []apiv1.AddressRule{}
	if len(texts) == 1 && texts[0] == "0" {
		return rules, nil
	}
	for _, text := range texts {
		permission, address, ok := strings.Cut(text, ":")
		if !ok || (permission != "allow" && permission != "deny") || !isNetwork(address) {
			return nil, usageError("", "--access is allow:ADDRESS or deny:ADDRESS with an address, a network or any, not %q", text)
		}
		rules = append(rules, apiv1.AddressRule{Permission: permission, Address: address})
	}
	return rules, nil
}

func isNetwork(s string) bool {
	_, err := netip.ParsePrefix(s)
	return s == "any" || err == nil || net.ParseIP(s) != nil
}

// accessYAML writes what the platform's command writes.
func accessYAML(a apiv1.HTTPAccess) string {
	var b strings.Builder
	b.WriteString("is_enabled: " + strconv.FormatBool(a.IsEnabled) + "\n")
	if len(a.Addresses) == 0 {
		b.WriteString("addresses: []\n")
	} else {
		b.WriteString("addresses:\n")
	}
	for _, r := range a.Addresses {
		b.WriteString("  - permission: " + r.Permission + "\n    address: " + strconv.Quote(r.Address) + "\n")
	}
	if len(a.BasicAuth) == 0 {
		b.WriteString("basic_auth: {}\n")
	} else {
		b.WriteString("basic_auth:\n")
	}
	names := make([]string, 0, len(a.BasicAuth))
	for name := range a.BasicAuth {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		b.WriteString("  " + strconv.Quote(name) + ": \"******\"\n")
	}
	return b.String()
}

func (c *program) environmentBypass() *cobra.Command {
	life := time.Hour
	cmd := &cobra.Command{
		Use:     "environment:bypass",
		Aliases: []string{"bypass"},
		Short:   "Create a link that bypasses the hold, to preview a release",
		Long: "Prints a link. It shows the new release as soon as that has started, while visitors still wait,\n" +
			"and the site during maintenance.",
		Args: positional(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			s, err := c.selectEnvironment(cmd.Context())
			if err != nil {
				return err
			}
			link, err := s.Bypass(cmd.Context(), s.project, s.env, life.Seconds())
			if err != nil {
				return err
			}
			return writeText(c.out, link.URL+"\n")
		},
	}
	cmd.Flags().DurationVar(&life, "for", life, "how long it is valid, at most 168h")
	return cmd
}
