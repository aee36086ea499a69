package deploystep

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"math/big"
	"strings"
	"time"

	"sluice/internal/composer"
	"sluice/internal/toolkit/fault"
	"sluice/internal/toolkit/kit"
	"sluice/internal/toolkit/shell"
	"sluice/internal/toolkit/tree"
)

// installSetup installs Magento into an empty database.
func installSetup(ctx context.Context, k *kit.Kit, z *held) error {
	k.Log.Info("Installing Magento.")
	what, err := gatherInstallation(ctx, k)
	if err != nil {
		return err
	}
	args, err := what.args()
	if err != nil {
		return err
	}
	verbose, err := verbosity(k)
	if err != nil {
		return err
	}
	command := []string{"php", "./bin/magento", "setup:install"}
	if verbose != "" {
		command = append(command, verbose)
	}
	z.Installing()
	return fault.Wrap(codeInstall, logged(ctx, k, "Installation time: ", shell.Command{Args: append(command, args...)}))
}

// logged runs a command whose output goes to install_upgrade.log while it comes.
func logged(ctx context.Context, k *kit.Kit, title string, c shell.Command) (err error) {
	file, err := k.Tree.OpenAppend(tree.InstallUpgradeLog)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	if _, err := fmt.Fprintln(file, title+k.Now().UTC().Format(time.UnixDate)); err != nil {
		return err
	}
	c.Output = file
	_, err = k.Shell.Run(ctx, c)
	return err
}

// installation holds the options of setup:install.
type installation struct {
	unsecure, secure, frontName, locale string
	onlyUnsecure                        bool // nothing responds at https
	database                            databaseOptions
	admin                               adminOptions
	search                              searchOptions
	version                             composer.Version
	elasticSuite                        suiteOptions
	storage                             storageOptions
	queue                               queueOptions
}

type databaseOptions struct{ host, name, user, password, prefix string }

type adminOptions struct{ user, first, last, email, password string }

type searchOptions struct{ engine, prefix, host, port, user, password, index string }

// suiteOptions are those of the module ElasticSuite.
type suiteOptions struct{ servers, https, user, password string }

type storageOptions struct{ driver, prefix, bucket, region, key, secret string }

type queueOptions struct{ host, port, user, password, vhost string }

// args are the options of setup:install in their order.
func (i installation) args() ([]string, error) {
	secureAdmin := "--use-secure-admin=1"
	if i.onlyUnsecure {
		secureAdmin = "--use-secure-admin=0"
	}
	o := &options{"-n", "--ansi", "--no-interaction", "--cleanup-database", "--session-save=db", secureAdmin, "--use-rewrites=1", "--currency=USD"}
	o.add("base-url", i.unsecure)
	o.add("base-url-secure", i.secure)
	o.add("backend-frontname", i.frontName)
	o.add("language", i.locale)
	o.add("timezone", "America/Los_Angeles")
	o.add("db-host", i.database.host)
	o.add("db-name", i.database.name)
	o.add("db-user", i.database.user)
	o.addGiven("db-password", i.database.password)
	o.addGiven("db-prefix", i.database.prefix)
	if err := i.admin.add(o); err != nil {
		return nil, err
	}
	i.search.add(o)
	i.elasticSuite.add(o)
	if err := i.storage.add(o); err != nil {
		return nil, err
	}
	i.queue.add(o)
	return *o, nil
}

// options collects --name=value.
type options []string

func (o *options) add(name, value string) { *o = append(*o, "--"+name+"="+value) }

func (o *options) addGiven(name, value string) {
	if value != "" {
		o.add(name, value)
	}
}

func (a adminOptions) add(o *options) error {
	if a.email == "" {
		return nil
	}
	password := a.password
	if password == "" {
		var err error
		if password, err = randomPassword(); err != nil {
			return err
		}
	}
	o.add("admin-user", cmp.Or(a.user, "admin"))
	o.add("admin-firstname", cmp.Or(a.first, "Admin"))
	o.add("admin-lastname", cmp.Or(a.last, "Username"))
	o.add("admin-email", a.email)
	o.add("admin-password", password)
	return nil
}

func (s searchOptions) add(o *options) {
	if s.engine == "" {
		return
	}
	o.add("search-engine", s.engine)
	o.add(s.prefix+"-host", s.host)
	o.add(s.prefix+"-port", s.port)
	if s.user != "" && s.password != "" {
		o.add(s.prefix+"-enable-auth", "1")
		o.add(s.prefix+"-username", s.user)
		o.add(s.prefix+"-password", s.password)
	}
	o.addGiven(s.prefix+"-index-prefix", s.index)
}

func (s suiteOptions) add(o *options) {
	o.addGiven("es-hosts", s.servers)
	o.addGiven("es-enable-ssl", s.https)
	o.addGiven("es-user", s.user)
	o.addGiven("es-pass", s.password)
}

func (s storageOptions) add(o *options) error {
	if s.driver == "" {
		return nil
	}
	if s.bucket == "" || s.region == "" {
		return errors.New("Bucket and region are required configurations")
	}
	o.add("remote-storage-driver", s.driver)
	o.add("remote-storage-prefix", s.prefix)
	o.add("remote-storage-bucket", s.bucket)
	o.add("remote-storage-region", s.region)
	if s.key != "" && s.secret != "" {
		o.add("remote-storage-key", s.key)
		o.add("remote-storage-secret", s.secret)
	}
	return nil
}

func (q queueOptions) add(o *options) {
	if q.host == "" {
		return
	}
	o.add("amqp-host", q.host)
	o.addGiven("amqp-port", q.port)
	o.addGiven("amqp-user", q.user)
	o.addGiven("amqp-password", q.password)
	o.addGiven("amqp-virtualhost", q.vhost)
}

// passwordLength is that of a random password; it can be reset by mail.
const passwordLength = 20

// randomPassword makes letters and digits, at least one of each.
func randomPassword() (string, error) {
	const letters, digits = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ", "0123456789"
	for {
		var b strings.Builder
		for range passwordLength {
			n, err := rand.Int(rand.Reader, big.NewInt(int64(len(letters+digits))))
			if err != nil {
				return "", fmt.Errorf("make a password: %w", err)
			}
			b.WriteByte((letters + digits)[n.Int64()])
		}
		if strings.ContainsAny(b.String(), letters) && strings.ContainsAny(b.String(), digits) {
			return b.String(), nil
		}
	}
}
