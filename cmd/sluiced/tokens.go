package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"text/tabwriter"
	"time"

	"sluice/internal/access"
	"sluice/internal/account"
	"sluice/internal/platform"
	"sluice/internal/store"
)

const tokenUsage = "sluiced token [--scope SCOPE]... [--expires DURATION] NAME, sluiced token --list, or sluiced token --revoke NAME" //nolint:gosec // a usage line

// tokenCommand makes, lists and revokes API tokens, also while sluiced runs.
func tokenCommand(ctx context.Context, args []string, env map[string]string, stdout, stderr io.Writer) error {
	var c config
	var list, revoke bool
	var wanted platform.NewToken
	fs := newFlags("token", &c, stderr)
	fs.BoolVar(&list, "list", false, "list the tokens")
	fs.BoolVar(&revoke, "revoke", false, "revoke the token NAME")
	fs.DurationVar(&wanted.Life, "expires", 0, "how long the token is valid, such as 720h (default: without end)")
	scopesFlag(fs, "token", &wanted.Scopes)
	if err := c.parse(fs, args, env); err != nil {
		return err
	}
	wanted.Name = strings.TrimSpace(fs.Arg(0))
	if list && fs.NArg() != 0 || !list && (fs.NArg() != 1 || wanted.Name == "") {
		return fmt.Errorf("%w: %s", errUsage, tokenUsage)
	}
	s, accounts, err := openAccounts(ctx, c)
	if err != nil {
		return err
	}
	switch {
	case list:
		err = listTokens(ctx, accounts, stdout)
	case revoke:
		err = accounts.RevokeToken(ctx, access.Operator(), wanted.Name)
	default:
		var secret string
		if secret, err = newToken(ctx, accounts, wanted); err == nil {
			_, err = fmt.Fprintln(stdout, secret)
		}
	}
	return errors.Join(err, s.Close())
}

// scopesFlag declares --scope for what is made: a token or a user.
func scopesFlag(fs *flag.FlagSet, of string, scopes *[]string) {
	usage := "what the " + of + " may do: PROJECT:ROLE or PROJECT:TYPE=ROLE,...; may be repeated (default *:admin)"
	fs.Func("scope", usage, func(s string) error {
		*scopes = append(*scopes, s)
		return nil
	})
}

// scopesOrAll returns the scopes that were given, and without any those of an administrator.
func scopesOrAll(given []string) []string {
	if len(given) > 0 {
		return given
	}
	return []string{access.Grant{Project: access.Everything, Role: access.Admin}.String()}
}

// openAccounts opens the state for a command of the operator, who closes the store.
func openAccounts(ctx context.Context, c config) (*store.Store, *account.Service, error) {
	s, err := openStore(ctx, c)
	if err != nil {
		return nil, nil, err
	}
	return s, account.New(account.Dependencies{Records: s, Log: slog.New(slog.DiscardHandler)}), nil
}

func listTokens(ctx context.Context, accounts *account.Service, w io.Writer) error {
	tokens, err := accounts.Tokens(ctx, access.Operator())
	if err != nil {
		return err
	}
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	_, _ = fmt.Fprintln(table, "NAME\tUSER\tSCOPES\tCREATED\tEXPIRES\tLAST USED") // Flush reports errors
	for _, t := range tokens {
		_, _ = fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\t%s\n", t.Name, t.User, strings.Join(t.Scopes, " "),
			timeOr(t.CreatedAt, ""), timeOr(t.ExpiresAt, "never"), timeOr(t.LastUsedAt, "never"))
	}
	return table.Flush()
}

func timeOr(t time.Time, zero string) string {
	if t.IsZero() {
		return zero
	}
	return t.UTC().Format(time.RFC3339)
}
