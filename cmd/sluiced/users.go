package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"sluice/internal/access"
	"sluice/internal/account"
	"sluice/internal/platform"
	"sluice/internal/store"
)

const userUsage = "sluiced user [--scope SCOPE]... [--password-stdin] EMAIL, sluiced user --list, or sluiced user --delete|--reset|--disconnect USER"

// userCommand makes, lists and deletes users, also while sluiced runs. It is how an
// installation gets its first administrator.
func userCommand(ctx context.Context, args []string, env map[string]string, stdin io.Reader, stdout, stderr io.Writer) error {
	var c config
	var list, remove, reset, disconnect, fromStdin bool
	var wanted platform.NewUser
	fs := newFlags("user", &c, stderr)
	fs.BoolVar(&list, "list", false, "list the users")
	fs.BoolVar(&remove, "delete", false, "delete the user with this e-mail address or username, with tokens, log-ins and keys")
	fs.BoolVar(&reset, "reset", false, "give the user another password, and end all log-ins of theirs")
	fs.BoolVar(&disconnect, "disconnect", false, "forget which people at log-in providers the user is, and end all log-ins of theirs")
	fs.BoolVar(&fromStdin, "password-stdin", false, "read the password from standard input (default: one is made and printed)")
	fs.StringVar(&wanted.FirstName, "first-name", "", "first name of the user")
	fs.StringVar(&wanted.LastName, "last-name", "", "last name of the user")
	scopesFlag(fs, "user", &wanted.Scopes)
	if err := c.parse(fs, args, env); err != nil {
		return err
	}
	wanted.Email = strings.TrimSpace(fs.Arg(0))
	if list && fs.NArg() != 0 || !list && (fs.NArg() != 1 || wanted.Email == "") {
		return fmt.Errorf("%w: %s", errUsage, userUsage)
	}
	s, accounts, err := openAccounts(ctx, c)
	if err != nil {
		return err
	}
	switch {
	case list:
		err = listUsers(ctx, accounts, stdout)
	case remove, disconnect:
		change := accounts.DeleteUser
		if disconnect {
			change = accounts.Disconnect
		}
		var u platform.User
		if u, err = s.UserByLogin(ctx, wanted.Email); err == nil {
			err = change(ctx, access.Operator(), u.ID)
		}
	default:
		err = setUser(ctx, s, accounts, wanted, reset, fromStdin, stdin, stdout)
	}
	return errors.Join(err, s.Close())
}

// setUser makes a user, an administrator unless scopes are given, or gives one another
// password, and prints the password if it was not given.
func setUser(ctx context.Context, s *store.Store, accounts *account.Service, wanted platform.NewUser, reset, fromStdin bool, stdin io.Reader, stdout io.Writer) error {
	if fromStdin {
		var err error
		if wanted.Password, err = passwordLine(stdin); err != nil {
			return err
		}
	} else {
		wanted.Password = strings.ToLower(rand.Text())
	}
	if reset {
		u, err := s.UserByLogin(ctx, wanted.Email)
		if err != nil {
			return err
		}
		if err := accounts.SetPassword(ctx, access.Operator(), u.ID, "", wanted.Password, ""); err != nil {
			return err
		}
	} else {
		wanted.Scopes = scopesOrAll(wanted.Scopes)
		if _, err := accounts.CreateUser(ctx, access.Operator(), wanted); err != nil {
			return err
		}
	}
	if fromStdin {
		return nil
	}
	_, err := fmt.Fprintln(stdout, wanted.Password)
	return err
}

func passwordLine(stdin io.Reader) (string, error) {
	const most = 4 << 10
	text, err := io.ReadAll(io.LimitReader(stdin, most))
	if err != nil {
		return "", fmt.Errorf("read the password: %w", err)
	}
	line, _, _ := strings.Cut(string(text), "\n")
	if line = strings.TrimSuffix(line, "\r"); line == "" {
		return "", fmt.Errorf("%w: --password-stdin: no password on standard input", errUsage)
	}
	return line, nil
}

func listUsers(ctx context.Context, accounts *account.Service, w io.Writer) error {
	users, err := accounts.Users(ctx, access.Operator())
	if err != nil {
		return err
	}
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	_, _ = fmt.Fprintln(table, "USERNAME\tKIND\tSTATE\tSCOPES\tCREATED\tLAST LOG-IN") // Flush reports errors
	for _, u := range users {
		_, _ = fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\t%s\n", u.Username, u.Kind, u.State, strings.Join(u.Grants, " "),
			timeOr(u.CreatedAt, ""), timeOr(u.LastLoginAt, "never"))
	}
	return table.Flush()
}
