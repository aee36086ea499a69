package poststep

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httptrace"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"sluice/internal/toolkit/fault"
	"sluice/internal/toolkit/kit"
	"sluice/internal/toolkit/phparray"
	"sluice/internal/toolkit/scenario"
	"sluice/internal/toolkit/toolkittest"
)

const lock = "-- composer.lock --\n{\"packages\":[{\"name\":\"magento/magento2-base\",\"version\":\"2.4.6\"},{\"name\":\"magento/magento-cloud-components\",\"version\":\"1.1.1\"}]}\n"

func run(t *testing.T, w *toolkittest.World, name string) error {
	t.Helper()
	var r scenario.Registry
	Register(&r)
	factory, ok := r.Lookup(`Magento\MagentoCloud\Step\PostDeploy\` + name)
	if !ok {
		t.Fatalf("no step %s", name)
	}
	made, err := factory(w.Kit, nil)
	if err != nil {
		t.Fatal(err)
	}
	step, ok := made.(kit.Step)
	if !ok {
		t.Fatalf("%s is a %T", name, made)
	}
	return step.Run(t.Context())
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func TestAFailedDeployStopsPostDeploy(t *testing.T) {
	w := toolkittest.New(t, lock)
	must(t, run(t, w, "DeployFailed"))
	w.Write(t, "-- var/.deploy_is_failed --\n")
	if err := run(t, w, "DeployFailed"); fault.CodeOf(err) != 201 || err.Error() != "Post-deploy is skipped because deploy was failed." {
		t.Error(err)
	}
}

func TestCronAndBackup(t *testing.T) {
	w := toolkittest.New(t, lock+"-- app/etc/env.php --\n<?php return ['cron' => ['enabled' => 0]];\n")
	must(t, run(t, w, "EnableCron"))
	must(t, run(t, w, "Backup"))
	if got := w.File(t, "app/etc/env.php.bak"); strings.Contains(got, "enabled") {
		t.Error(got)
	}
	must(t, os.Remove(filepath.Join(w.Dir, "app/etc/env.php")))
	w.Write(t, "-- app/etc/env.php/x --\n")
	if err := run(t, w, "EnableCron"); fault.CodeOf(err) != 202 {
		t.Error(err)
	}
}

// shop is a site that notes what is asked of it.
type shop struct {
	*httptest.Server
	mu    sync.Mutex
	paths []string
}

func newShop(t *testing.T) *shop {
	t.Helper()
	s := &shop{}
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.mu.Lock()
		s.paths = append(s.paths, r.URL.RequestURI())
		s.mu.Unlock()
		switch r.URL.Path {
		case "/missing":
			http.NotFound(w, r)
		case "/moved":
			http.Redirect(w, r, "/moved-again", http.StatusFound)
		case "/moved-again":
			http.Redirect(w, r, "/here", http.StatusMovedPermanently)
		case "/loop":
			http.Redirect(w, r, "/loop", http.StatusFound)
		}
	}))
	t.Cleanup(s.Close)
	return s
}

// asked returns the paths that were requested, sorted.
func (s *shop) asked() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	slices.Sort(s.paths)
	return strings.Join(s.paths, " ")
}

// world is an environment whose shop is s; {S} in scripted answers is its address.
func world(t *testing.T, s *shop, answers map[string]string) *toolkittest.World {
	t.Helper()
	w := toolkittest.New(t, lock)
	w.Kit.HTTP = s.Client()
	w.Variables["WARM_UP_CONCURRENCY"] = 2
	w.Variables["TTFB_TESTED_PAGES"] = phparray.New()
	w.Shell.Print("php ./bin/magento config:show:default-url", s.URL+"/")
	w.Shell.Print("php ./bin/magento config:show:store-url", `{"1":"`+s.URL+`/","2":"`+s.URL+`/fr/"}`)
	for command, answer := range answers {
		w.Shell.Print("php ./bin/magento "+command, strings.ReplaceAll(answer, "{S}", s.URL))
	}
	return w
}

func TestWarmUpPages(t *testing.T) {
	const urls = `["{S}/women/tops.html","{S}/women.html","{S}/contact-us","{S}/contact"]`
	for name, c := range map[string]struct {
		page, asked, log string
		commands         string
		answers          map[string]string
	}{
		"the base URL":         {page: "", asked: "/"},
		"a page":               {page: "/about?x=1", asked: "/about?x=1", log: "INFO: Warmed up page: {S}/about?x=1"},
		"a URL of a store":     {page: "{S}/sale", asked: "/sale"},
		"a URL of nobody":      {page: "http://example.com/", log: `ERROR: Page "http://example.com/" can't be warmed-up because such domain is not registered in current Magento installation`},
		"nonsense":             {page: "cms:x", log: `ERROR: Page "cms:x" isn't correct and can't be warmed-up`},
		"a page that fails":    {page: "missing", asked: "/missing", log: "ERROR: Warming up failed: {S}/missing"},
		"a page that moved":    {page: "moved", asked: "/here /moved /moved-again", log: "INFO: Warmed up page: {S}/moved"},
		"a page that loops":    {page: "loop", asked: "/loop /loop /loop /loop /loop /loop", log: "ERROR: Warming up failed: {S}/loop"},
		"all categories":       {page: "category:*:*", asked: "/contact /contact-us /women.html /women/tops.html", commands: "config:show:urls --ansi --no-interaction --entity-type=category", log: `INFO: Found 4 urls for pattern "category:*:*"`},
		"a category":           {page: "category:women.html:1|de", asked: "/women.html", commands: "config:show:urls --ansi --no-interaction --entity-type=category --store-id=1 --store-id=de"},
		"an expression":        {page: `cms-page:/\/contact.*/:1`, asked: "/contact /contact-us", commands: "config:show:urls --ansi --no-interaction --entity-type=cms-page --store-id=1"},
		"a look-ahead":         {page: `category:~^/women(?!/)~i:*`, asked: "/women.html"},
		"no expression":        {page: "category:/(/:*", log: `ERROR: Warm-up pattern "/(/" isn't valid.`},
		"products by SKU":      {page: "product:24-MB01|24-MB02:1", asked: "/contact /contact-us /women.html /women/tops.html", commands: "config:show:urls --ansi --no-interaction --entity-type=product --store-id=1 --product-sku=24-MB01 --product-sku=24-MB02"},
		"products":             {page: "product:*:*", asked: "/contact /contact-us /women.html /women/tops.html", commands: "config:show:urls --ansi --no-interaction --entity-type=product --product-limit=100", log: "INFO: In case when product SKUs weren't provided product limits set to 100"},
		"a page of all stores": {page: "store-page:/contact:*", asked: "/contact /fr/contact"},
		"a page of some":       {page: "store-page:contact:2|de", asked: "/de/contact /fr/contact", commands: "config:show:store-url --ansi --no-interaction de", answers: map[string]string{"config:show:store-url --ansi --no-interaction de": "{S}/de/"}},
		"no list":              {page: "category:*:*", answers: map[string]string{"config:show:urls": "oops"}, log: "ERROR: Can't parse result from command config:show:urls:"},
		"a map, not a list":    {page: "category:*:*", answers: map[string]string{"config:show:urls": "3"}, log: "ERROR: Can't parse result from command config:show:urls: the answer has no JSON list in it"},
	} {
		t.Run(name, func(t *testing.T) {
			s := newShop(t)
			w := world(t, s, map[string]string{"config:show:urls": urls})
			for command, answer := range c.answers {
				w.Shell.Print("php ./bin/magento "+command, strings.ReplaceAll(answer, "{S}", s.URL))
			}
			w.Variables["WARM_UP_PAGES"] = phparray.List(strings.ReplaceAll(c.page, "{S}", s.URL))
			must(t, run(t, w, "WarmUp"))
			if got := s.asked(); got != c.asked {
				t.Errorf("requested %s, want %s", got, c.asked)
			}
			if want := strings.ReplaceAll(c.log, "{S}", s.URL); !strings.Contains(w.Log(), want) {
				t.Errorf("no %q in\n%s", want, w.Log())
			}
			if c.commands != "" && !slices.Contains(w.Shell.Lines(), "php ./bin/magento "+quoted(c.commands)) {
				t.Errorf("ran %q, want %q", w.Shell.Lines(), c.commands)
			}
		})
	}
}

// quoted is how the log shows options with values.
func quoted(line string) string {
	return regexp.MustCompile(`=(\S+)`).ReplaceAllString(line, "='$1'")
}

func TestWarmUpRequestsEachPageOnce(t *testing.T) {
	s := newShop(t)
	w := world(t, s, nil)
	w.Variables["WARM_UP_PAGES"] = phparray.List("a", "/a", "b")
	must(t, run(t, w, "WarmUp"))
	if got := s.asked(); got != "/a /b" {
		t.Error(got)
	}
	if !strings.Contains(w.Log(), "INFO: Starting page warmup\n") || !strings.Contains(w.Log(), "INFO: Warmup concurrency set to 2 as specified by the WARM_UP_CONCURRENCY configuration\n") {
		t.Error(w.Log())
	}
}

func TestWithoutTheModuleTheRoutesSayTheBaseURL(t *testing.T) {
	s := newShop(t)
	w := world(t, s, nil)
	w.Shell.Fail("php ./bin/magento config:show", 1, "There are no commands defined in the \"config:show\" namespace.")
	w.Variables["WARM_UP_PAGES"] = phparray.List("", "category:*:*", s.URL+"/x", "store-page:a:de")
	w.Variables["WARM_UP_CONCURRENCY"] = 0
	if err := run(t, w, "WarmUp"); fault.CodeOf(err) != 207 || !strings.Contains(err.Error(), "Expected at least one valid unsecure or secure route. None found.") {
		t.Error(err)
	}
	w.Kit.Platform.Routes.Set(s.URL+"/", phparray.Map("type", "upstream", "original_url", "http://{default}/"))
	must(t, run(t, w, "WarmUp"))
	for _, want := range []string{
		"ERROR: Cannot fetch base URL using the config:show:default-url command. Instead, using the URL from the MAGENTO_CLOUD_ROUTES variable.",
		"ERROR: Command execution failed: The command", "WARNING: [3002] Can't fetch store urls. The command", `WARNING: [3003] Can't fetch store url with store code "de". The command`,
		"INFO: Warmed up page: http://",
	} {
		if !strings.Contains(w.Log(), want) {
			t.Errorf("no %q in\n%s", want, w.Log())
		}
	}
}

// A Magento that does not have the command is not started for it.
func TestComposerLockSaysWhetherMagentoIsAsked(t *testing.T) {
	s := newShop(t)
	w := world(t, s, nil)
	w.Write(t, "-- composer.lock --\n{\"packages\":[{\"name\":\"magento/magento2-base\",\"version\":\"2.4.7-p3\"}]}\n")
	w.Variables["WARM_UP_PAGES"] = phparray.List("a")
	w.Variables["WARM_UP_CONCURRENCY"] = 0
	w.Kit.Platform.Routes.Set(s.URL+"/", phparray.Map("type", "upstream", "original_url", "http://{default}/"))
	must(t, run(t, w, "WarmUp"))
	if lines := w.Shell.Lines(); len(lines) != 0 {
		t.Errorf("ran %q", lines)
	}
	if log := w.Log(); strings.Contains(log, "ERROR") || !strings.Contains(log, "INFO: Warmed up page: "+s.URL+"/a\n") {
		t.Error(log)
	}
}

// Notices of PHP before and behind an answer are no part of it.
func TestNoticesAreNoAnswers(t *testing.T) {
	const notice = "\nDeprecated: Creation of dynamic property A::$b is deprecated in /app/vendor/a.php on line 3\n\n"
	s := newShop(t)
	w := world(t, s, nil)
	w.Shell.Print("php ./bin/magento config:show:default-url", notice+s.URL+"/\n"+notice)
	w.Shell.Print("php ./bin/magento config:show:store-url", notice+"{\n\"1\": \""+s.URL+"/\"\n}")
	w.Shell.Print("php ./bin/magento config:show:urls", notice+"[\""+s.URL+"/found\"]\n"+notice)
	w.Variables["WARM_UP_PAGES"] = phparray.List("a", s.URL+"/b", "category:*:*")
	w.Variables["WARM_UP_CONCURRENCY"] = 1
	must(t, run(t, w, "WarmUp"))
	for _, page := range []string{"/a", "/b", "/found"} {
		if !strings.Contains(w.Log(), "INFO: Warmed up page: "+s.URL+page+"\n") {
			t.Errorf("%s is missing in\n%s", page, w.Log())
		}
	}
	w = world(t, s, nil)
	w.Shell.Print("php ./bin/magento config:show:default-url", notice)
	w.Variables["WARM_UP_PAGES"] = phparray.List("a")
	w.Variables["WARM_UP_CONCURRENCY"] = 1
	w.Kit.Platform.Routes.Set(s.URL+"/", phparray.Map("type", "upstream", "original_url", "http://{default}/"))
	must(t, run(t, w, "WarmUp"))
	if !strings.Contains(w.Log(), "ERROR: Cannot fetch base URL") || !strings.Contains(w.Log(), "INFO: Warmed up page: "+s.URL+"/a\n") {
		t.Error(w.Log())
	}
}

// TestWithoutTheModulePHPIsNotStarted: what its commands would say comes from the routes.
func TestWithoutTheModulePHPIsNotStarted(t *testing.T) {
	s := newShop(t)
	w := world(t, s, nil)
	w.Write(t, "-- composer.lock --\n{\"packages\":[{\"name\":\"magento/magento2-base\",\"version\":\"2.4.6\"}]}\n")
	w.Kit.Platform.Routes.Set(s.URL+"/", phparray.Map("type", "upstream", "original_url", "http://{default}/"))
	w.Variables["WARM_UP_PAGES"] = phparray.List("/a", s.URL+"/b", "http://example.com/c", "store-page:d:*", "category:*:*", "store-page:e:1")
	must(t, run(t, w, "WarmUp"))
	if got := s.asked(); got != "/a /b /d" {
		t.Errorf("requested %s", got)
	}
	if got := w.Shell.Lines(); len(got) > 0 {
		t.Errorf("ran %q", got)
	}
	for _, want := range []string{
		`WARNING: [3003] Can't fetch store url with store code "1". the package magento/magento-cloud-components, which has the command, is not installed`,
		"ERROR: Command execution failed: the package magento/magento-cloud-components", "http://example.com/c",
	} {
		if !strings.Contains(w.Log(), want) {
			t.Errorf("no %q in\n%s", want, w.Log())
		}
	}
}

func TestAnEndedPhaseEndsTheWarmUp(t *testing.T) {
	s := newShop(t)
	w := world(t, s, nil)
	w.Variables["WARM_UP_PAGES"] = phparray.List("a", "b")
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(errors.New("the phase took too long"))
	if err := warmUp(ctx, w.Kit); fault.CodeOf(err) != 207 || !strings.Contains(err.Error(), "the phase took too long") {
		t.Error(err)
	}
}

func TestTimeToFirstByte(t *testing.T) {
	s := newShop(t)
	w := world(t, s, nil)
	w.Variables["TTFB_TESTED_PAGES"] = phparray.List("/a?b=1&c", s.URL+"/moved", "http://example.com/", "missing", "loop")
	w.Write(t, "-- var/log/ttfb_results.json --\n[{\"url\":\"before\"}]")
	must(t, run(t, w, "TimeToFirstByte"))
	got := w.File(t, "var/log/ttfb_results.json")
	for _, want := range []string{`[{"url":"before"},{"timestamp":"2026-11-23 09:09:47","url":"` + s.URL + `/a?b=1&c","status":200,"ttfb":`, `"url":"` + s.URL + `/here","status":200`, `"url":"` + s.URL + `/missing","status":404`} {
		if !strings.Contains(got, want) {
			t.Errorf("no %s in %s", want, got)
		}
	}
	if strings.Count(got, "timestamp") != 3 {
		t.Error(got)
	}
	for _, want := range []string{"INFO: TTFB test result: 0.", "DEBUG: TTFB response was a redirect", "WARNING: Will not test http://example.com/, host is not a configured store domain", "WARNING: loop redirects more than 5 times and was not measured"} {
		if !strings.Contains(w.Log(), want) {
			t.Errorf("no %q in\n%s", want, w.Log())
		}
	}
}

func TestAPageThatDoesNotAnswerIsUnknown(t *testing.T) {
	s := newShop(t)
	w := world(t, s, nil)
	w.Variables["TTFB_TESTED_PAGES"] = phparray.List("a")
	w.Write(t, "-- var/log/ttfb_results.json --\nnot JSON")
	s.Close()
	must(t, run(t, w, "TimeToFirstByte"))
	if got := w.File(t, "var/log/ttfb_results.json"); !strings.Contains(got, `"status":"unknown"`) {
		t.Error(got)
	}
	w.Shell.Fail("php ./bin/magento config:show", 1, "no")
	if err := run(t, w, "TimeToFirstByte"); fault.CodeOf(err) != 208 {
		t.Error(err)
	}
}

// slow answers its first byte after two seconds and its last after five.
type slow struct{}

func (slow) RoundTrip(r *http.Request) (*http.Response, error) {
	time.Sleep(2 * time.Second)
	httptrace.ContextClientTrace(r.Context()).GotFirstResponseByte()
	return &http.Response{StatusCode: http.StatusOK, Body: slow{}, Request: r}, nil
}

func (slow) Read([]byte) (int, error) {
	time.Sleep(3 * time.Second)
	return 0, io.EOF
}

func (slow) Close() error { return nil }

func TestOnlyTheFirstByteCounts(t *testing.T) {
	w := toolkittest.New(t, lock)
	w.Kit.HTTP = &http.Client{Transport: slow{}}
	synctest.Test(t, func(t *testing.T) {
		if m, _ := measure(t.Context(), w.Kit, "http://shop.test/"); m.TTFB != 2 || m.Status != http.StatusOK {
			t.Errorf("measured %+v", m)
		}
	})
}
