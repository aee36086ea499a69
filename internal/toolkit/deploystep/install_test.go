package deploystep

import (
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"

	"sluice/internal/toolkit/phparray"
	"sluice/internal/toolkit/shell"
	"sluice/internal/toolkit/toolkittest"
)

// shop is a world that can be installed.
func shop(t *testing.T, version string, packages ...string) *toolkittest.World {
	t.Helper()
	w, _ := world(t, lock(version, packages...))
	w.Kit.Platform.Routes.Set("http://shop.test/", phparray.Map("type", "upstream", "original_url", "http://{default}/"))
	w.Kit.Platform.Routes.Set("https://shop.test/", phparray.Map("type", "upstream", "original_url", "https://{default}/"))
	return w
}

// installed returns the arguments of setup:install.
func installed(t *testing.T, w *toolkittest.World) string {
	t.Helper()
	must(t, run(t, w, `Step\Deploy\InstallUpdate\Install\Setup`))
	commands := w.Shell.Commands()
	return strings.Join(commands[len(commands)-1].Args, " ")
}

const common = "php ./bin/magento setup:install -n --ansi --no-interaction --cleanup-database --session-save=db --use-secure-admin=1 --use-rewrites=1 --currency=USD" +
	" --base-url=http://shop.test/ --base-url-secure=https://shop.test/ --backend-frontname=admin --language=en_US --timezone=America/Los_Angeles" +
	" --db-host=db --db-name=main --db-user=user --db-password=pass"

func TestInstallWithOpenSearch(t *testing.T) {
	w := shop(t, "2.4.6")
	relate(w, "opensearch", phparray.Map("host", "os", "port", 9200, "username", "u", "password", "p", "query", phparray.Map("index", "shop")))
	same(t, "command", installed(t, w), common+" --search-engine=opensearch --opensearch-host=os --opensearch-port=9200 --opensearch-enable-auth=1 --opensearch-username=u --opensearch-password=p --opensearch-index-prefix=shop")
	same(t, "install_upgrade.log", w.File(t, "var/log/install_upgrade.log"), "Installation time: Mon Nov 23 09:09:47 UTC 2026")
	logs(t, w, "INFO: Installing Magento.")
	w.Shell.Fail("php ./bin/magento setup:install", 1, "no")
	fails(t, run(t, w, `Step\Deploy\InstallUpdate\Install\Setup`), 116)
}

func TestInstallOlderOrWithElasticsearch(t *testing.T) {
	w := shop(t, "2.4.4")
	relate(w, "opensearch", phparray.Map("host", "os", "port", 9200, "scheme", "http"))
	if got := installed(t, w); !strings.HasSuffix(got, " --search-engine=elasticsearch7 --elasticsearch-host=http://os --elasticsearch-port=9200") {
		t.Error(got)
	}
	w = shop(t, "2.4.0", "smile/elasticsuite")
	relate(w, "elasticsearch", phparray.Map("host", "es", "port", 9200, "type", "elasticsearch:7.9"))
	if got := installed(t, w); !strings.HasSuffix(got, " --search-engine=elasticsearch7 --elasticsearch-host=es --elasticsearch-port=9200 --es-hosts=es:9200") {
		t.Error(got)
	}
	w = shop(t, "2.3.5")
	same(t, "command", installed(t, w), common)
	w = shop(t, "2.4.6")
	if err := run(t, w, `Step\Deploy\InstallUpdate\Install\Setup`); err == nil || err.Error() != "Elasticsearch service is required! If you use Magento 2.4.4 or higher you can use OpenSearch" {
		t.Error(err)
	}
}

func TestInstallAsksElasticsearchForItsVersion(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write([]byte(`{"version":{"number":"7.17.1"}}`))
	}))
	defer server.Close()
	host, port, _ := strings.Cut(strings.TrimPrefix(server.URL, "http://"), ":")
	w := shop(t, "2.4.0")
	w.Kit.HTTP = server.Client()
	relate(w, "elasticsearch", phparray.Map("host", host, "port", port, "scheme", "http"))
	if got := installed(t, w); !strings.Contains(got, "--search-engine=elasticsearch7 --elasticsearch-host=http://"+host) {
		t.Error(got)
	}
	server.Close()
	fails(t, run(t, w, `Step\Deploy\InstallUpdate\Install\Setup`), 132)
}

func TestInstallWithEverything(t *testing.T) {
	w := shop(t, "2.4.6")
	w.Variables["VERBOSE_COMMANDS"] = "-vvv"
	w.Variables["DATABASE_CONFIGURATION"] = phparray.Map("table_prefix", "ece_", "_merge", true)
	w.Variables["REMOTE_STORAGE"] = phparray.Map("driver", "aws-s3", "prefix", "", "config", phparray.Map("bucket", "b", "region", "r", "key", "k", "secret", "s"))
	relate(w, "database", phparray.Map("host", "db", "port", 3307, "path", "main", "username", "user", "password", `it's "$(x)"`))
	relate(w, "opensearch", phparray.Map("host", "os", "port", 9200))
	relate(w, "rabbitmq", phparray.Map("host", "mq", "port", 5672, "username", "guest", "password", "guest", "vhost", "/"))
	for name, v := range map[string]string{"ADMIN_EMAIL": "a@example.com", "ADMIN_USERNAME": "ann", "ADMIN_PASSWORD": "secret1", "ADMIN_URL": "root", "ADMIN_LOCALE": "de_DE"} {
		w.Kit.Platform.Variables.Set(name, v)
	}
	want := strings.NewReplacer(
		"setup:install -n", "setup:install -vvv -n", "--backend-frontname=admin --language=en_US", "--backend-frontname=root --language=de_DE",
		"--db-host=db", "--db-host=db:3307", "--db-password=pass", `--db-password=it's "$(x)" --db-prefix=ece_`,
	).Replace(common) + " --admin-user=ann --admin-firstname=Admin --admin-lastname=Username --admin-email=a@example.com --admin-password=secret1" +
		" --search-engine=opensearch --opensearch-host=os --opensearch-port=9200" +
		" --remote-storage-driver=aws-s3 --remote-storage-prefix= --remote-storage-bucket=b --remote-storage-region=r --remote-storage-key=k --remote-storage-secret=s" +
		" --amqp-host=mq --amqp-port=5672 --amqp-user=guest --amqp-password=guest --amqp-virtualhost=/"
	same(t, "command", installed(t, w), want)
	w.Variables["REMOTE_STORAGE"] = phparray.Map("driver", "aws-s3")
	if err := run(t, w, `Step\Deploy\InstallUpdate\Install\Setup`); err == nil || err.Error() != "Bucket and region are required configurations" {
		t.Error(err)
	}
}

func TestAPasswordIsMadeWhenNoneIsGiven(t *testing.T) {
	w := shop(t, "2.3.5")
	w.Kit.Platform.Variables.Set("ADMIN_EMAIL", "a@example.com")
	first, second := installed(t, w), installed(t, w)
	password := regexp.MustCompile(`--admin-password=([a-zA-Z]*[0-9][a-zA-Z0-9]*)$`)
	a, b := password.FindStringSubmatch(first), password.FindStringSubmatch(second)
	if a == nil || b == nil || len(a[1]) != 20 || a[1] == b[1] {
		t.Errorf("%q, %q", a, b)
	}
}

func TestWhatInstallPrintsIsKept(t *testing.T) {
	w := shop(t, "2.3.5")
	w.Shell.On("php ./bin/magento setup:install", func(shell.Command) (shell.Result, error) {
		return shell.Result{Stdout: "[Progress: 1 / 2]\n"}, nil
	})
	must(t, run(t, w, `Step\Deploy\InstallUpdate\Install\Setup`))
	if got := w.File(t, "var/log/install_upgrade.log"); !strings.Contains(got, "[Progress: 1 / 2]") {
		t.Error(got)
	}
}
