package deploystep

import (
	"bytes"
	"cmp"
	"context"
	_ "embed"
	"html/template"
	"mime/quotedprintable"
	"strings"
	"time"

	"sluice/internal/toolkit/fault"
	"sluice/internal/toolkit/kit"
	"sluice/internal/toolkit/shell"
	"sluice/internal/toolkit/tree"
	"sluice/internal/toolkit/urlmap"
)

// mailTimeout bounds handing over one mail.
const mailTimeout = 30 * time.Second

//go:embed reset_password.html
var passwordMail string

// resetPassword tells the first administrator, whose password is random, where to
// choose one. That the mail arrives cannot be known; a copy lies in var.
func resetPassword(ctx context.Context, k *kit.Kit) error {
	email := k.Platform.Variable("ADMIN_EMAIL")
	if email == "" || k.Platform.Variable("ADMIN_PASSWORD") != "" {
		return nil
	}
	body, err := adminMail(k, email)
	if err != nil {
		return err
	}
	user := cmp.Or(k.Platform.Variable("ADMIN_USERNAME"), "admin")
	k.Log.Infof("Emailing admin URL to admin user %s at %s", user, email)
	if err := send(ctx, k, email, body); err != nil {
		k.Log.Debug("The mail was not sent: " + err.Error())
	}
	k.Log.Info("Saving email with admin URL: " + k.Tree.Path(tree.AdminMail))
	return fault.Wrap(codeAdminMail, k.Tree.Write(tree.AdminMail, body))
}

func adminMail(k *kit.Kit, email string) ([]byte, error) {
	routes, err := urlmap.From(k.Platform.Routes)
	if err != nil {
		return nil, err
	}
	mail, err := template.New("mail").Parse(passwordMail)
	if err != nil {
		return nil, err
	}
	var body bytes.Buffer
	err = mail.Execute(&body, map[string]string{
		"URL":   strings.TrimRight(urlmap.Default(routes.Secure), "/") + "/" + cmp.Or(k.Platform.Variable("ADMIN_URL"), "admin"),
		"Email": email,
		"Name":  cmp.Or(k.Platform.Variable("ADMIN_FIRSTNAME"), k.Platform.Variable("ADMIN_USERNAME"), "admin"),
	})
	return body.Bytes(), err
}

// send hands the mail to the program that PHP would use.
func send(ctx context.Context, k *kit.Kit, to string, body []byte) error {
	var mail bytes.Buffer
	mail.WriteString("To: " + header(to) + "\r\nFrom: Magento Cloud <accounts@magento.cloud>\r\nSubject: Magento Commerce Cloud - Admin URL\r\n" +
		"MIME-Version: 1.0\r\nContent-Type: text/html; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n")
	w := quotedprintable.NewWriter(&mail)
	if _, err := w.Write(body); err != nil {
		return err
	}
	if err := w.Close(); err != nil {
		return err
	}
	_, err := k.Shell.Run(ctx, shell.Command{Args: []string{"sendmail", "-t", "-i"}, Stdin: &mail, Timeout: mailTimeout})
	return err
}

// header takes line ends out of a value, which would begin another header.
func header(value string) string { return strings.NewReplacer("\r", "", "\n", "").Replace(value) }
