package main

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// call makes one request and returns status and decoded answer.
func call(t *testing.T, url, method, path, body string) (int, object) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), method, url+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	response, err := http.DefaultTransport.RoundTrip(request)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	var answer object
	if len(text) > 0 {
		if err := json.Unmarshal(text, &answer); err != nil {
			t.Fatalf("%s: %v", text, err)
		}
	}
	return response.StatusCode, answer
}

func TestAShopIndexesAndSearches(t *testing.T) {
	var refused []string
	web := httptest.NewServer(&server{store: newStore(), refused: func(format string, _ ...any) { refused = append(refused, format) }})
	defer web.Close()
	for _, r := range []struct {
		method, path, body string
		status             int
	}{
		{"GET", "/", "", 200},
		{"HEAD", "/magento2_product_1_v1", "", 404},
		{"PUT", "/magento2_product_1_v1", `{"settings":{}}`, 200},
		{"PUT", "/magento2_product_1_v1/_mapping", `{"properties":{"name":{"type":"text"}}}`, 200},
		{"POST", "/_aliases", `{"actions":[{"add":{"alias":"magento2_product_1","index":"magento2_product_1_v1"}}]}`, 200},
		{"HEAD", "/_alias/magento2_product_1", "", 200},
		{"HEAD", "/_alias/other", "", 404},
		{"POST", "/magento2_product_1_v1/_bulk", `{"index":{"_id":1}}` + "\n" + `{"name":"Red shirt","price_0_1":10,"category_ids":[2,3],"visibility":4}` + "\n" + `{"index":{"_id":2}}` + "\n" + `{"name":"Blue shirt","price_0_1":30.5,"category_ids":[2],"visibility":4}` + "\n" + `{"index":{"_id":3}}` + "\n" + `{"name":"Hidden","price_0_1":1,"category_ids":[2],"visibility":1}` + "\n", 200},
	} {
		if status, answer := call(t, web.URL, r.method, r.path, r.body); status != r.status {
			t.Fatalf("%s %s: %d %v", r.method, r.path, status, answer)
		}
	}
	_, answer := call(t, web.URL, "POST", "/magento2_product_1/_search", `{"from":0,"size":5,
		"query":{"bool":{"must":[{"term":{"category_ids":"2"}},{"terms":{"visibility":["2","4"]}}],"should":[{"match":{"name":{"query":"shirt"}}}],"minimum_should_match":1}},
		"sort":[{"price_0_1":{"order":"desc"}}],
		"aggregations":{"prices":{"extended_stats":{"field":"price_0_1"}},"cat":{"terms":{"field":"category_ids","size":500}}}}`)
	b, err := json.Marshal([]any{answer["hits"], answer["aggregations"]})
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{`"total":{"relation":"eq","value":2}`, `"max":30.5`, `"min":10`, `{"doc_count":2,"key":2},{"doc_count":1,"key":3}`} {
		if !strings.Contains(string(b), want) {
			t.Errorf("no %s in %s", want, b)
		}
	}
	if first, second := strings.Index(string(b), `"_id":"2"`), strings.Index(string(b), `"_id":"1"`); first < 0 || second < first {
		t.Errorf("not sorted by price: %s", b)
	}
	if status, _ := call(t, web.URL, "DELETE", "/magento2_product_1_v1", ""); status != 200 {
		t.Errorf("delete: %d", status)
	}
	if status, _ := call(t, web.URL, "POST", "/magento2_product_1/_search", "{}"); status != 404 || len(refused) > 0 {
		t.Errorf("search of an index that is gone: %d, refused %v", status, refused)
	}
}

func TestWhatIsNotUnderstoodIsRefused(t *testing.T) {
	refused := 0
	web := httptest.NewServer(&server{store: newStore(), refused: func(string, ...any) { refused++ }})
	defer web.Close()
	call(t, web.URL, "PUT", "/i", "")
	call(t, web.URL, "POST", "/i/_bulk", `{"index":{"_id":1}}`+"\n"+`{"a":1}`+"\n")
	for i, body := range []string{`{"query":{"regexp":{"a":"b"}}}`, `{"aggs":{"x":{"percentiles":{"field":"a"}}}}`, `{"query":{"range":{"a":{"from":1}}}}`, `not JSON`} {
		if status, answer := call(t, web.URL, "POST", "/i/_search", body); status != 400 || answer["error"] == nil || refused != i+1 {
			t.Errorf("%s: %d %v, refused %d", body, status, answer, refused)
		}
	}
	if status, _ := call(t, web.URL, "GET", "/_nodes/stats", ""); status != 400 {
		t.Errorf("an unknown path: %d", status)
	}
}
