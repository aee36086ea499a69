package deploystep

import (
	"cmp"
	"context"
	"errors"

	"sluice/internal/composer"
	"sluice/internal/toolkit/envphp"
	"sluice/internal/toolkit/kit"
	"sluice/internal/toolkit/services"
	"sluice/internal/toolkit/urlmap"
)

// gatherInstallation collects the options of setup:install from the relationships, the
// variables and the routes.
func gatherInstallation(ctx context.Context, k *kit.Kit) (installation, error) {
	in, err := envphp.Gather(k)
	if err != nil {
		return installation{}, err
	}
	routes, err := urlmap.From(k.Platform.Routes)
	if err != nil {
		return installation{}, err
	}
	i := installation{
		unsecure: urlmap.Default(routes.Unsecure), secure: urlmap.Default(routes.Secure), onlyUnsecure: routes.OnlyUnsecure,
		frontName: cmp.Or(k.Platform.Variable("ADMIN_URL"), "admin"), locale: cmp.Or(k.Platform.Variable("ADMIN_LOCALE"), "en_US"),
		version: in.Magento,
		admin: adminOptions{
			user: k.Platform.Variable("ADMIN_USERNAME"), first: k.Platform.Variable("ADMIN_FIRSTNAME"), last: k.Platform.Variable("ADMIN_LASTNAME"),
			email: k.Platform.Variable("ADMIN_EMAIL"), password: k.Platform.Variable("ADMIN_PASSWORD"),
		},
		database: databaseFrom(in),
		queue:    queueFrom(in),
	}
	if i.search, i.elasticSuite, err = searchFrom(ctx, k, in); err != nil {
		return installation{}, err
	}
	storage, ok, err := envphp.RemoteStorage(in)
	if ok {
		i.storage = storageOptions{storage.Driver, storage.Prefix, storage.Bucket, storage.Region, storage.Key, storage.Secret}
	}
	return i, err
}

// databaseFrom keeps a port that is not the usual one in the host.
func databaseFrom(in envphp.Input) databaseOptions {
	db := envphp.Database(in)
	main := db.Sub("connection", mainConnection)
	return databaseOptions{
		host: main.Text("host"), name: main.Text("dbname"), user: main.Text("username"), password: main.Text("password"),
		prefix: db.Text("table_prefix"),
	}
}

func queueFrom(in envphp.Input) queueOptions {
	queue, _ := envphp.Queue(in, nil) // the step amqp logs the notes
	amqp := queue.Sub("amqp")
	return queueOptions{amqp.Text("host"), amqp.Text("port"), amqp.Text("user"), amqp.Text("password"), amqp.Text("virtualhost")}
}

// searchFrom chooses the search service. Magento since 2.4 cannot be installed without.
func searchFrom(ctx context.Context, k *kit.Kit, in envphp.Input) (s searchOptions, suite suiteOptions, err error) {
	elastic, open := services.Elasticsearch(in.Relationships), services.OpenSearch(in.Relationships)
	if services.Search(in.Relationships).Exists() {
		client := envphp.ElasticSuite(in, nil).Sub("es_client") // nil without ElasticSuite
		suite = suiteOptions{client.Text("servers"), client.Text("enable_https_mode"), client.Text("http_auth_user"), client.Text("http_auth_pwd")}
	}
	if !in.Magento.AtLeast("2.4.0") {
		return s, suite, nil
	}
	e, prefix, version := elastic, "elasticsearch", ""
	switch {
	case open.Exists() && usesOpenSearch(in.Magento):
		e = open
		if in.Magento.AtLeast("2.4.6") {
			prefix = "opensearch"
		}
	case elastic.Exists():
		if version, err = services.Version(ctx, k.HTTP, elastic); err != nil {
			return s, suite, err
		}
	default:
		return s, suite, errors.New("Elasticsearch service is required! If you use Magento 2.4.4 or higher you can use OpenSearch")
	}
	return searchOptions{
		engine: envphp.SearchEngine(in.Magento, e, version), prefix: prefix,
		host: e.SearchURL(), port: e.Text("port"), user: e.Text("username"), password: e.Text("password"), index: e.Index(),
	}, suite, nil
}

func usesOpenSearch(v composer.Version) bool {
	return v.Satisfies(">=2.3.7-p3 <2.4.0 || >=2.4.3-p2")
}
