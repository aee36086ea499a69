package main

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"
)

// request is the body of a search.
type request struct {
	From         int               `json:"from"`
	Size         *int              `json:"size"`
	Query        object            `json:"query"`
	Sort         []any             `json:"sort"`
	Aggregations map[string]object `json:"aggregations"`
	Aggs         map[string]object `json:"aggs"`
}

const defaultSize = 10

func (s *server) search(index string, body []byte, countOnly bool) (any, error) {
	var q request
	if len(body) > 0 {
		if err := json.Unmarshal(body, &q); err != nil {
			return nil, err
		}
	}
	docs, err := s.store.documents(index)
	if err != nil {
		return nil, err
	}
	hits, err := q.hits(docs)
	if err != nil {
		return nil, err
	}
	if countOnly {
		return object{"count": len(hits), "_shards": shards()}, nil
	}
	aggregations, err := q.aggregations(hits)
	if err != nil {
		return nil, err
	}
	var page []any
	for _, d := range q.page(hits) {
		page = append(page, object{"_index": index, "_id": d.id, "_score": 1.0, "fields": object{"_id": []any{d.id}}, "_source": d.fields})
	}
	return object{
		"took": 1, "timed_out": false, "_shards": shards(),
		"hits":         object{"total": object{"value": len(hits), "relation": "eq"}, "max_score": 1.0, "hits": slices.Concat([]any{}, page)},
		"aggregations": aggregations,
	}, nil
}

func (q request) hits(docs []document) ([]document, error) {
	var hits []document
	for _, d := range docs {
		ok := len(q.Query) == 0
		if !ok {
			var err error
			if ok, err = matches(q.Query, d); err != nil {
				return nil, err
			}
		}
		if ok {
			hits = append(hits, d)
		}
	}
	q.sort(hits)
	return hits, nil
}

// sort orders by the fields of the request; a document without the field comes last.
func (q request) sort(hits []document) {
	for _, by := range slices.Backward(q.Sort) {
		for field, how := range object2(by) {
			if field == "_score" || field == "_script" {
				continue
			}
			order := fmt.Sprint(cmp.Or[any](object2(how)["order"], how))
			slices.SortStableFunc(hits, func(a, b document) int { return compareBy(a, b, field, order == "desc") })
		}
	}
}

func compareBy(a, b document, field string, descending bool) int {
	x, y := a.values(field), b.values(field)
	if len(x) == 0 || len(y) == 0 {
		return cmp.Compare(len(y), len(x))
	}
	if descending {
		return compare(y[0], x[0])
	}
	return compare(x[0], y[0])
}

func (q request) page(hits []document) []document {
	size := defaultSize
	if q.Size != nil {
		size = *q.Size
	}
	from := min(max(q.From, 0), len(hits))
	return hits[from:min(from+max(size, 0), len(hits))]
}

func (q request) aggregations(hits []document) (object, error) {
	answer := object{}
	for _, wanted := range []map[string]object{q.Aggregations, q.Aggs} {
		for name, a := range wanted {
			value, err := aggregate(a, hits)
			if err != nil {
				return nil, fmt.Errorf("aggregation %s: %w", name, err)
			}
			answer[name] = value
		}
	}
	return answer, nil
}

func aggregate(a object, hits []document) (any, error) {
	for kind, body := range a {
		field := fmt.Sprint(object2(body)["field"])
		switch kind {
		case "terms":
			return terms(object2(body), field, hits), nil
		case "extended_stats", "stats":
			return stats(field, hits), nil
		case "histogram":
			interval, _ := number(object2(body)["interval"])
			return histogram(field, interval, hits), nil
		default:
			return nil, fmt.Errorf("unknown kind %q", kind)
		}
	}
	return nil, errors.New("empty")
}

func terms(body object, field string, hits []document) any {
	counts := map[string]int{}
	keys := map[string]any{}
	for _, d := range hits {
		for _, v := range d.values(field) {
			counts[text(v)]++
			keys[text(v)] = v
		}
	}
	return buckets(counts, keys, body["size"])
}

func buckets(counts map[string]int, keys map[string]any, size any) any {
	names := make([]string, 0, len(counts))
	for name := range counts {
		names = append(names, name)
	}
	slices.SortFunc(names, func(a, b string) int {
		return cmp.Or(cmp.Compare(counts[b], counts[a]), compare(a, b))
	})
	if n, ok := number(size); ok && int(n) < len(names) {
		names = names[:int(n)]
	}
	list := make([]any, 0, len(names))
	for _, name := range names {
		list = append(list, object{"key": keys[name], "doc_count": counts[name]})
	}
	return object{"doc_count_error_upper_bound": 0, "sum_other_doc_count": 0, "buckets": list}
}

func histogram(field string, interval float64, hits []document) any {
	counts := map[float64]int{}
	for _, d := range hits {
		for _, v := range d.values(field) {
			if n, ok := number(v); ok && interval > 0 {
				counts[math.Floor(n/interval)*interval]++
			}
		}
	}
	list := []any{}
	keys := make([]float64, 0, len(counts))
	for key := range counts {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	for _, key := range keys {
		list = append(list, object{"key": key, "doc_count": counts[key]})
	}
	return object{"buckets": list}
}

func stats(field string, hits []document) any {
	var n, sum, squares, least, most float64
	for _, d := range hits {
		for _, v := range d.values(field) {
			x, ok := number(v)
			if !ok {
				continue
			}
			if n == 0 {
				least, most = x, x
			}
			n, sum, squares = n+1, sum+x, squares+x*x
			least, most = min(least, x), max(most, x)
		}
	}
	if n == 0 {
		return object{"count": 0, "min": nil, "max": nil, "avg": nil, "sum": 0, "std_deviation": nil}
	}
	mean := sum / n
	return object{"count": n, "min": least, "max": most, "avg": mean, "sum": sum, "std_deviation": math.Sqrt(max(squares/n-mean*mean, 0))}
}
