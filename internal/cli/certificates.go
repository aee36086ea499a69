package cli

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"sluice/apiv1"
)

// expiryNotice is how long before its end an uploaded certificate is spoken of.
const expiryNotice = 28 * 24 * time.Hour

func (c *program) certificateAdd() *cobra.Command {
	var chain []string
	cmd := &cobra.Command{
		Use:   "certificate:add CERTIFICATE KEY",
		Short: "Upload a certificate to show to visitors",
		Long: "Uploads a certificate with its private key, both files in PEM. The certificate's file may hold the intermediates too. " +
			"Nothing is deployed. It is shown for the hosts of this project's environments, the most specific valid one for each name.",
		Example: "  sluice certificate:add example.com.crt example.com.key --chain intermediate.crt",
		Args:    positional(cobra.ExactArgs(2)),
		RunE: func(cmd *cobra.Command, args []string) error {
			s, err := c.selectProject(cmd.Context())
			if err != nil {
				return err
			}
			upload, err := c.readUpload(args[0], args[1], chain)
			if err != nil {
				return err
			}
			added, err := s.AddCertificate(cmd.Context(), s.project, upload)
			if err != nil {
				return err
			}
			c.note("Added the certificate %s for %s. It expires on %s.", added.ID, strings.Join(added.Domains, ", "), when(added.ExpiresAt))
			return nil
		},
	}
	cmd.Flags().StringSliceVar(&chain, "chain", nil, "files with intermediates, the certificate's issuer first")
	return cmd
}

func (c *program) readUpload(certificate, key string, chain []string) (apiv1.CertificateUpload, error) {
	var upload apiv1.CertificateUpload
	for path, to := range map[string]*string{certificate: &upload.Certificate, key: &upload.Key} {
		text, err := c.readValue(path)
		if err != nil {
			return upload, err
		}
		*to = text + "\n"
	}
	if certificate == key { // one file with both
		upload.Certificate = upload.Key
	}
	for _, path := range chain {
		text, err := c.readValue(path)
		if err != nil {
			return upload, err
		}
		upload.Chain = append(upload.Chain, text+"\n")
	}
	return upload, nil
}

func (c *program) certificateList() *cobra.Command {
	var (
		opts     tableOptions
		domain   string
		onlyAuto bool
		noAuto   bool
	)
	cmd := &cobra.Command{
		Use:     "certificate:list",
		Aliases: []string{"certificates"},
		Short:   "List the certificates shown to visitors",
		Args:    positional(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			s, err := c.selectProject(cmd.Context())
			if err != nil {
				return err
			}
			list, err := s.Certificates(cmd.Context(), s.project)
			if err != nil {
				return err
			}
			list = slices.DeleteFunc(list, func(cert apiv1.Certificate) bool {
				return (onlyAuto && !cert.IsProvisioned) || (noAuto && cert.IsProvisioned) ||
					(domain != "" && !slices.ContainsFunc(cert.Domains, func(d string) bool { return strings.Contains(d, domain) }))
			})
			c.noteProblems(list)
			return printTable(c, opts, certificateColumns(), list)
		},
	}
	opts.addFlags(cmd)
	cmd.Flags().StringVar(&domain, "domain", "", "only certificates whose names contain this")
	cmd.Flags().BoolVar(&onlyAuto, "only-auto", false, "only certificates that were not uploaded")
	cmd.Flags().BoolVar(&noAuto, "no-auto", false, "only uploaded certificates")
	cmd.MarkFlagsMutuallyExclusive("only-auto", "no-auto")
	return cmd
}

func certificateColumns() []column[apiv1.Certificate] {
	return []column[apiv1.Certificate]{
		{name: "id", title: "ID", value: func(c apiv1.Certificate) string { return c.ID }},
		{name: "domains", title: "Domain(s)", value: func(c apiv1.Certificate) string { return strings.Join(c.Domains, " ") }},
		{name: "source", title: "Source", value: certificateSource},
		{name: "created", title: "Created", hidden: true, value: func(c apiv1.Certificate) string { return when(c.CreatedAt) }},
		{name: "expires", title: "Expires", value: func(c apiv1.Certificate) string { return when(c.ExpiresAt) }},
		{name: "issuer", title: "Issuer", value: certificateIssuer},
	}
}

func certificateSource(c apiv1.Certificate) string {
	switch {
	case !c.IsProvisioned:
		return "uploaded"
	case c.Certificate == "" && c.IsInvalid:
		return "local"
	default:
		return "ordered"
	}
}

func certificateIssuer(c apiv1.Certificate) string {
	for _, part := range c.Issuer {
		if part.Alias == "commonName" {
			return part.Value
		}
	}
	return ""
}

// noteProblems warns about certificates that need attention.
func (c *program) noteProblems(list []apiv1.Certificate) {
	now := time.Now()
	for _, cert := range list {
		names := strings.Join(cert.Domains, ", ")
		switch {
		case cert.Problem != "":
			c.note("W: %s: %s. Next try at %s.", names, printable(cert.Problem), when(cert.NextTry))
		case cert.IsProvisioned:
		case now.After(cert.ExpiresAt.Time):
			c.note("W: The certificate %s for %s expired on %s: upload a new one with sluice certificate:add.", cert.ID, names, when(cert.ExpiresAt))
		case cert.ExpiresAt.Sub(now) < expiryNotice:
			c.note("W: The certificate %s for %s expires in %d days: upload a new one with sluice certificate:add.", cert.ID, names, int(cert.ExpiresAt.Sub(now).Hours()/24))
		}
	}
}

func (c *program) certificateGet() *cobra.Command {
	var opts infoOptions
	cmd := &cobra.Command{
		Use:   "certificate:get ID",
		Short: "Show a certificate",
		Args:  positional(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			s, err := c.selectProject(cmd.Context())
			if err != nil {
				return err
			}
			cert, err := s.Certificate(cmd.Context(), s.project, args[0])
			if err != nil {
				return err
			}
			return printInfo(c, opts, cert, []property{
				{"id", cert.ID},
				{"domains", strings.Join(cert.Domains, " ")},
				{"source", certificateSource(cert)},
				{"issuer", certificateIssuer(cert)},
				{"is_provisioned", strconv.FormatBool(cert.IsProvisioned)},
				{"is_invalid", strconv.FormatBool(cert.IsInvalid)},
				{"created_at", when(cert.CreatedAt)},
				{"expires_at", when(cert.ExpiresAt)},
				{"problem", printable(cert.Problem)},
			})
		},
	}
	opts.addFlags(cmd)
	return cmd
}

func (c *program) certificateDelete() *cobra.Command {
	return &cobra.Command{
		Use:   "certificate:delete ID",
		Short: "Delete an uploaded certificate",
		Args:  positional(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			s, err := c.selectProject(cmd.Context())
			if err != nil {
				return err
			}
			if err := c.confirm("This deletes the certificate %s with its key; visitors are shown another one from then on.", args[0]); err != nil {
				return err
			}
			if err := s.DeleteCertificate(cmd.Context(), s.project, args[0]); err != nil {
				return err
			}
			c.note("Deleted the certificate %s.", args[0])
			return nil
		},
	}
}
