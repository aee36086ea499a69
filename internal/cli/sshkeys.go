package cli

import (
	"errors"
	"io/fs"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"sluice/apiv1"
)

// publicKeys are the files, below .ssh in the user's home, where ssh-keygen puts keys by
// default; the first that exists counts.
func publicKeys() []string {
	return []string{"id_ed25519.pub", "id_ecdsa.pub", "id_rsa.pub"}
}

func (c *program) sshKeyAdd() *cobra.Command {
	var name string
	cmd := &cobra.Command{
		Use:   "ssh-key:add [FILE]",
		Short: "Register a public SSH key",
		Long: "Registers a public SSH key as one of yours: its private key gives access as you, over SSH and with git. Without FILE it is the " +
			"default key in ~/.ssh. With a token of a machine's, the key is the machine's: a deploy key.",
		Example: "  sluice ssh-key:add\n  sluice ssh-key:add --name laptop ~/.ssh/work.pub",
		Args:    positional(cobra.MaximumNArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			text, err := c.publicKey(args)
			if err != nil {
				return err
			}
			client, err := c.client()
			if err != nil {
				return err
			}
			key, err := client.AddSSHKey(cmd.Context(), apiv1.SSHKeyCreate{Title: name, Value: text})
			if err != nil {
				return err
			}
			c.note("Registered the SSH key %d (%s).", key.KeyID, printable(key.Title))
			return nil
		},
	}
	cmd.Flags().StringVar(&name, "name", "", "name of the key (default: its comment)")
	return cmd
}

// publicKey reads the public key from a file, or from the first default one.
func (c *program) publicKey(args []string) (string, error) {
	if len(args) == 1 {
		data, err := readFile(args[0], maxConfig)
		if err == nil && strings.Contains(string(data), "PRIVATE KEY") {
			return "", usageError("give the file that ends with .pub", "%s is a private key; nothing was sent", args[0])
		}
		return strings.TrimSpace(string(data)), err
	}
	dir := filepath.Join(c.home(), ".ssh")
	for _, name := range publicKeys() {
		data, err := readFile(filepath.Join(dir, name), maxConfig)
		if err == nil || !errors.Is(err, fs.ErrNotExist) {
			return strings.TrimSpace(string(data)), err
		}
	}
	return "", fail(ExitFailure, "make one: ssh-keygen -t ed25519", "there is no SSH key in %s", dir)
}

func (c *program) sshKeyList() *cobra.Command {
	var opts tableOptions
	cmd := &cobra.Command{
		Use:     "ssh-key:list",
		Aliases: []string{"ssh-keys"},
		Short:   "List your SSH keys",
		Args:    positional(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			client, err := c.client()
			if err != nil {
				return err
			}
			keys, err := client.SSHKeys(cmd.Context())
			if err != nil {
				return err
			}
			return printTable(c, opts, []column[apiv1.SSHKey]{
				{name: "id", title: "ID", value: func(k apiv1.SSHKey) string { return strconv.FormatInt(k.KeyID, 10) }},
				{name: "title", title: "Title", value: func(k apiv1.SSHKey) string { return k.Title }},
				{name: "fingerprint", title: "Fingerprint", value: func(k apiv1.SSHKey) string { return colons(k.Fingerprint) }},
				{name: "created_at", title: "Created", hidden: true, value: func(k apiv1.SSHKey) string { return when(k.CreatedAt) }},
			}, keys)
		},
	}
	opts.addFlags(cmd)
	return cmd
}

// colons writes an MD5 fingerprint as `ssh-keygen -l -E md5` does.
func colons(fingerprint string) string {
	var pairs []string
	for pair := range slices.Chunk([]byte(fingerprint), len("00")) {
		pairs = append(pairs, string(pair))
	}
	return strings.Join(pairs, ":")
}

func (c *program) sshKeyDelete() *cobra.Command {
	return &cobra.Command{
		Use:   "ssh-key:delete ID",
		Short: "Remove one of your SSH keys",
		Long:  "Removes one of your SSH keys. Sessions that were opened with it end.",
		Args:  positional(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			client, err := c.client()
			if err != nil {
				return err
			}
			if err := client.DeleteSSHKey(cmd.Context(), args[0]); err != nil {
				return err
			}
			c.note("Removed the SSH key %s.", args[0])
			return nil
		},
	}
}
