package poststep

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"time"

	"sluice/internal/toolkit/fault"
	"sluice/internal/toolkit/kit"
	"sluice/internal/toolkit/phparray"
	"sluice/internal/toolkit/tree"
)

// measurement is a record of ttfb_results.json.
type measurement struct {
	Timestamp string  `json:"timestamp"` // "2026-11-23 09:09:47", UTC
	URL       string  `json:"url"`
	Status    any     `json:"status"` // of HTTP, or "unknown"
	TTFB      float64 `json:"ttfb"`   // seconds from the request to the first byte of the response
}

// timeToFirstByte measures how soon the pages of TTFB_TESTED_PAGES respond, one after the
// other, and adds the results to the file of earlier ones.
func timeToFirstByte(ctx context.Context, k *kit.Kit) error {
	pages, err := k.Stages.PostDeploy.Map("TTFB_TESTED_PAGES")
	if err != nil {
		return err
	}
	s := newStores(k)
	for _, v := range pages.All() {
		page := phparray.String(v)
		if u, err := url.Parse(page); err != nil || u.Host != "" && !s.related(ctx, page) {
			k.Log.Warningf("Will not test %s, host is not a configured store domain", page)
			continue
		}
		if err := testPage(ctx, k, s, page); err != nil {
			return fault.Wrap(codeTTFB, err)
		}
	}
	return nil
}

func testPage(ctx context.Context, k *kit.Kit, s *stores, page string) error {
	address, err := s.expand(ctx, page)
	if err != nil {
		return err
	}
	for range maxRedirects + 1 {
		m, next := measure(ctx, k, address)
		if err := context.Cause(ctx); err != nil {
			return err
		}
		if next == "" {
			k.Log.Infof("TTFB test result: %.3fs", m.TTFB)
			return keep(k, m)
		}
		k.Log.Debug("TTFB response was a redirect")
		address = next
	}
	k.Log.Warningf("%s redirects more than %d times and was not measured", page, maxRedirects)
	return nil
}

// measure requests a URL once. next is where a redirect leads. A request that gets no
// response has the status "unknown" and the time until it failed.
func measure(ctx context.Context, k *kit.Kit, address string) (m measurement, next string) {
	start := time.Now()
	first := time.Time{}
	m = measurement{Timestamp: k.Now().UTC().Format(time.DateTime), URL: address, Status: "unknown"}
	trace := &httptrace.ClientTrace{GotFirstResponseByte: func() { first = time.Now() }}
	request, err := http.NewRequestWithContext(httptrace.WithClientTrace(ctx, trace), http.MethodGet, address, nil)
	if err == nil {
		next, err = ask(k.HTTP, request, &m)
	}
	if err != nil {
		k.Log.Debug(err.Error())
	}
	if first.IsZero() {
		first = time.Now()
	}
	m.TTFB = first.Sub(start).Seconds()
	return m, next
}

func ask(client *http.Client, request *http.Request, m *measurement) (next string, err error) {
	c := *client
	c.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	response, err := c.Do(request)
	if err != nil {
		return "", err
	}
	m.Status = response.StatusCode
	_, err = io.Copy(io.Discard, io.LimitReader(response.Body, maxBody))
	if err = errors.Join(err, response.Body.Close()); err != nil {
		return "", err
	}
	if response.StatusCode > http.StatusMultipleChoices && response.StatusCode < http.StatusBadRequest {
		if location, err := response.Location(); err == nil {
			return location.String(), nil
		}
	}
	return "", nil
}

// keep adds a record to the results; a file that is not a list is replaced.
func keep(k *kit.Kit, m measurement) error {
	var all []json.RawMessage
	text, err := k.Tree.ReadOrNothing(tree.TTFBResults)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(text, &all); err != nil && len(text) > 0 {
		k.Log.Noticef("%s was not a list of results and was replaced: %v", tree.TTFBResults, err)
		all = nil
	}
	var file bytes.Buffer
	write := json.NewEncoder(&file)
	write.SetEscapeHTML(false)
	records := make([]any, 0, len(all)+1)
	for _, r := range all {
		records = append(records, r)
	}
	if err := write.Encode(append(records, m)); err != nil {
		return fmt.Errorf("keep the result: %w", err)
	}
	return k.Tree.Write(tree.TTFBResults, bytes.TrimRight(file.Bytes(), "\n"))
}
