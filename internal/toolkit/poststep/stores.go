package poststep

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"

	"sluice/internal/toolkit/kit"
	"sluice/internal/toolkit/phparray"
	"sluice/internal/toolkit/shell"
	"sluice/internal/toolkit/urlmap"
)

// stores knows the base URLs of the shop. It asks bin/magento when it must, and once only.
// The commands it uses are those of the module magento/magento-cloud-components.
type stores struct {
	kit    *kit.Kit
	base   string
	byID   *phparray.Array // store id to base URL; nil: not asked yet
	byCode map[string]string
}

func newStores(k *kit.Kit) *stores { return &stores{kit: k, byCode: map[string]string{}} }

// baseURL returns the shop's base URL, without a slash at its end.
func (s *stores) baseURL(ctx context.Context) (string, error) {
	if s.base != "" {
		return s.base, nil
	}
	base := s.askBase(ctx)
	if base == "" {
		s.kit.Log.Debug("Initializing routes.")
		routes, err := urlmap.From(s.kit.Platform.Routes)
		if err != nil {
			return "", err
		}
		s.kit.Log.Debugf("Routes: %v", routes)
		base = routes.Base()
	}
	s.base = strings.TrimRight(base, "/")
	return s.base, nil
}

// askBase asks Magento for the base URL; "" when it does not say it.
func (s *stores) askBase(ctx context.Context) string {
	if !s.commands() {
		s.kit.Log.Info("The package " + components + " is not installed: using the base URL from the MAGENTO_CLOUD_ROUTES variable.")
		return ""
	}
	result, err := s.kit.Magento(ctx, "config:show:default-url")
	base := lastURL(result.Stdout)
	if err != nil || base == "" {
		s.kit.Log.Error("Cannot fetch base URL using the config:show:default-url command. Instead, using the URL from the MAGENTO_CLOUD_ROUTES variable.")
		return ""
	}
	return base
}

// components has the commands that are asked here.
const components = "magento/magento-cloud-components"

// commands reports whether Magento can be asked: to start it for a command that it does not
// have costs seconds, and an exception in its log. A project without composer.lock may have it.
func (s *stores) commands() bool {
	lock, err := s.kit.Tree.Lock()
	return err != nil || len(lock.All()) == 0 || lock.Has(components)
}

// all returns the base URLs of all stores by their ids; a failure is a warning.
func (s *stores) all(ctx context.Context) *phparray.Array {
	if s.byID != nil {
		return s.byID
	}
	s.byID = phparray.New()
	if !s.commands() {
		s.fromRoutes()
		return s.byID
	}
	result, err := s.kit.Magento(ctx, "config:show:store-url")
	var urls *phparray.Array
	if err == nil {
		urls, err = decodeList(result.Stdout)
	}
	if err != nil {
		s.kit.Log.Warn(codeStoreURLs, "Can't fetch store urls. "+err.Error())
		return s.byID
	}
	s.byID = urls
	return s.byID
}

// fromRoutes takes the URLs of the routes for those of the stores, without their ids.
func (s *stores) fromRoutes() {
	routes, err := urlmap.From(s.kit.Platform.Routes)
	if err != nil {
		return // baseURL reports it
	}
	for _, site := range routes.Secure {
		s.byID.Set(site.URL, site.URL)
	}
}

// errNoCommands is why Magento is not asked.
var errNoCommands = errors.New("the package " + components + ", which has the command, is not installed")

// one returns the base URL of a store by its id or code; "" when there is none, which is
// a warning.
func (s *stores) one(ctx context.Context, code string) string {
	if u := s.all(ctx).Text(code); u != "" {
		return u
	}
	if u, ok := s.byCode[code]; ok {
		return u
	}
	var result shell.Result
	err := errNoCommands
	if s.commands() {
		result, err = s.kit.Magento(ctx, "config:show:store-url", code)
	}
	if err != nil {
		s.kit.Log.Warn(codeStoreURL, fmt.Sprintf("Can't fetch store url with store code %q. %v", code, err))
	}
	s.byCode[code] = lastURL(result.Stdout)
	return s.byCode[code]
}

// related reports whether a URL is of one of the stores.
func (s *stores) related(ctx context.Context, address string) bool {
	host := urlmap.Host(address)
	for _, v := range s.all(ctx).All() {
		if host != "" && strings.EqualFold(urlmap.Host(phparray.String(v)), host) {
			return true
		}
	}
	return false
}

// expand makes a URL of a path.
func (s *stores) expand(ctx context.Context, page string) (string, error) {
	if u, err := url.Parse(page); err == nil && u.Host != "" {
		return page, nil
	}
	base, err := s.baseURL(ctx)
	return base + "/" + strings.TrimLeft(page, "/"), err
}
