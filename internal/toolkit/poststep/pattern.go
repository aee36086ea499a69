package poststep

import (
	"context"
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/dlclark/regexp2"

	"sluice/internal/toolkit/phparray"
	"sluice/internal/toolkit/shell"
)

// pattern is an entry of WARM_UP_PAGES that stands for many pages:
// ENTITY:PATTERN:STORES.
type pattern struct {
	entity string   // category, cms-page, product, store-page
	text   string   // "*", a path, an expression, SKUs
	stores []string // ids or codes; empty: all
}

var (
	entryPattern = regexp.MustCompile(`^(category|cms-page|product|store-page):.{1,}:(\w+|\*)`)
	wordFirst    = regexp.MustCompile(`^\w`)
)

// parsePattern reads an entry; ok is false for one that is a page.
func parsePattern(entry string) (p pattern, ok bool) {
	if !entryPattern.MatchString(entry) {
		return pattern{}, false
	}
	parts := strings.Split(entry, ":")
	p = pattern{entity: parts[0], text: parts[1]}
	if parts[2] != "*" {
		p.stores = strings.Split(parts[2], "|")
	}
	return p, true
}

// productLimit bounds how many products are warmed up when none are named.
const productLimit = 100

// urls finds the pages of a pattern. What goes wrong is logged and finds nothing.
func (w *warmer) urls(ctx context.Context, p pattern) []string {
	if p.entity == "store-page" {
		return w.storePages(ctx, p)
	}
	args := []string{"--entity-type=" + p.entity}
	for _, store := range p.stores {
		args = append(args, "--store-id="+store)
	}
	if p.entity == "product" {
		args = append(args, w.products(p)...)
	}
	found := w.ask(ctx, args)
	if p.entity == "product" || p.text == "*" {
		return found
	}
	fits, err := matcher(p.text)
	if err != nil {
		w.kit.Log.Errorf("Warm-up pattern \"%s\" isn't valid. %v", p.text, err)
		return nil
	}
	return slices.DeleteFunc(found, func(address string) bool {
		u, err := url.Parse(address)
		return err != nil || !fits(u.Path)
	})
}

func (w *warmer) products(p pattern) []string {
	if p.text == "*" {
		w.kit.Log.Infof("In case when product SKUs weren't provided product limits set to %d", productLimit)
		return []string{fmt.Sprintf("--product-limit=%d", productLimit)}
	}
	var args []string
	for sku := range strings.SplitSeq(p.text, "|") {
		args = append(args, "--product-sku="+sku)
	}
	return args
}

// ask runs config:show:urls.
func (w *warmer) ask(ctx context.Context, args []string) []string {
	var result shell.Result
	err := errNoCommands
	if w.stores.commands() {
		result, err = w.kit.Magento(ctx, "config:show:urls", args...)
	}
	if err != nil {
		w.kit.Log.Error("Command execution failed: " + err.Error())
		return nil
	}
	list, err := decodeList(result.Stdout)
	if err != nil {
		w.kit.Log.Errorf("Can't parse result from command config:show:urls: %v", err)
		return nil
	}
	var urls []string
	for _, u := range list.All() {
		urls = append(urls, phparray.String(u))
	}
	return urls
}

// storePages returns one page in each of the stores.
func (w *warmer) storePages(ctx context.Context, p pattern) []string {
	var bases []string
	if p.stores == nil {
		for _, base := range w.stores.all(ctx).All() {
			bases = append(bases, phparray.String(base))
		}
	}
	for _, store := range p.stores {
		bases = append(bases, w.stores.one(ctx, store))
	}
	var urls []string
	for _, base := range bases {
		u := strings.TrimRight(base, "/") + "/" + strings.TrimLeft(p.text, "/")
		if base != "" && !slices.Contains(urls, u) {
			urls = append(urls, u)
		}
	}
	return urls
}

// matchTimeout bounds how long one expression may look at one path.
const matchTimeout = time.Second

// matcher returns what a pattern accepts: an expression with its delimiters as PHP has
// them, /\/contact.*/, else the path itself, with or without slashes around it.
func matcher(text string) (func(path string) bool, error) {
	body, options, ok := expression(text)
	if !ok {
		want := strings.Trim(text, "/")
		return func(path string) bool { return strings.Trim(path, "/") == want }, nil
	}
	compiled, err := regexp2.Compile(body, options)
	if err != nil {
		return nil, err
	}
	compiled.MatchTimeout = matchTimeout
	return func(path string) bool {
		fits, err := compiled.MatchString(path)
		return err == nil && fits // one that takes too long fits nothing
	}, nil
}

// expression takes the delimiters and modifiers off; ok is false for what is none.
func expression(text string) (body string, options regexp2.RegexOptions, ok bool) {
	if len(text) < 2 || strings.ContainsAny(text[:1], `\ `) || wordFirst.MatchString(text) {
		return "", 0, false
	}
	closing := text[:1]
	if i := strings.Index("([{<", closing); i >= 0 {
		closing = ")]}>"[i : i+1]
	}
	end := strings.LastIndex(text, closing)
	if end < 1 {
		return "", 0, false
	}
	for _, modifier := range text[end+1:] {
		switch modifier {
		case 'i':
			options |= regexp2.IgnoreCase
		case 'm':
			options |= regexp2.Multiline
		case 's':
			options |= regexp2.Singleline
		case 'x':
			options |= regexp2.IgnorePatternWhitespace
		case 'u', 'U', 'D', 'A':
		default:
			return "", 0, false
		}
	}
	return text[1:end], options, true
}
