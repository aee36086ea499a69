package command

import (
	"errors"
	"io"

	"github.com/pkg/sftp"
	"github.com/spf13/cobra"

	"sluice/internal/contract"
)

// sftpCommand serves files to a client of SFTP on its input and output: the SSH gateway
// runs it in containers, which have no SFTP server. It may do what its user may.
func sftpCommand(p Process) *cobra.Command {
	return &cobra.Command{
		Use: contract.SFTPCommand, Args: cobra.NoArgs, Hidden: true,
		RunE: func(*cobra.Command, []string) error {
			server, err := sftp.NewServer(inOut{p.Stdin, p.Stdout}, sftp.WithServerWorkingDirectory(p.Dir), sftp.WithAllocator())
			if err != nil {
				return err
			}
			if err := server.Serve(); err != nil && !errors.Is(err, io.EOF) {
				return err
			}
			return nil
		},
	}
}

// inOut is a connection of two streams; the process ends with it.
type inOut struct {
	io.Reader
	io.Writer
}

// Close implements io.Closer.
func (inOut) Close() error { return nil }
