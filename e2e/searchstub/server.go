package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"
)

const maxBody = 256 << 20

// server is the HTTP side. A nil log says nothing.
type server struct {
	store         *store
	refused, seen func(format string, args ...any)
}

// object is a JSON object.
type object = map[string]any

func (s *server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if err == nil {
		var answer any
		if s.seen != nil {
			s.seen("%s %s %s", r.Method, r.URL.Path, body)
		}
		answer, err = s.answer(r.Method, strings.Split(strings.Trim(r.URL.Path, "/"), "/"), body)
		if err == nil {
			reply(w, http.StatusOK, answer)
			return
		}
	}
	status := http.StatusBadRequest
	if errors.Is(err, errMissing) {
		status = http.StatusNotFound
	} else if s.refused != nil {
		s.refused("REFUSED %s %s: %v\n%s", r.Method, r.URL.Path, err, body)
	}
	reply(w, status, object{"status": status, "error": object{"type": "searchstub", "reason": err.Error()}})
}

func reply(w http.ResponseWriter, status int, answer any) {
	w.Header().Set("Content-Type", "application/json; charset=UTF-8")
	text, err := json.Marshal(answer)
	if err != nil {
		status, text = http.StatusInternalServerError, nil
	}
	w.WriteHeader(status)
	_, _ = w.Write(text) // a client that went away needs no answer
}

// answer routes: the path is INDEX, _VERB or both.
func (s *server) answer(method string, path []string, body []byte) (any, error) {
	if path[0] == "" {
		return about(), nil
	}
	index, verb, rest := path[0], "", path[1:]
	if strings.HasPrefix(index, "_") {
		index, verb = "", path[0]
	} else if len(rest) > 0 {
		verb, rest = rest[0], rest[1:]
		if !strings.HasPrefix(verb, "_") && len(rest) > 0 { // INDEX/TYPE/_VERB
			verb, rest = rest[0], rest[1:]
		}
	}
	switch verb {
	case "":
		return s.index(method, index)
	case "_mapping", "_settings":
		return s.settings(method, index, verb, body)
	case "_alias":
		return s.alias(rest)
	case "_aliases":
		return s.aliases(body)
	case "_bulk":
		return s.bulk(index, body)
	case "_search", "_count":
		return s.search(index, body, verb == "_count")
	case "_stats":
		return s.stats(index)
	case "_refresh", "_cluster", "_forcemerge":
		return object{"status": "green", "acknowledged": true, "_shards": shards()}, nil
	}
	return nil, fmt.Errorf("unknown request %s %s", method, strings.Join(path, "/"))
}

func about() object {
	return object{
		"name": "searchstub", "cluster_name": "searchstub", "cluster_uuid": "searchstub",
		"version": object{"distribution": "opensearch", "number": "2.12.0", "build_type": "tar", "lucene_version": "9.9.2"},
		"tagline": "A stub for tests",
	}
}

func shards() object { return object{"total": 1, "successful": 1, "skipped": 0, "failed": 0} }

func (s *server) index(method, name string) (any, error) {
	switch method {
	case http.MethodPut:
		s.store.create(name)
		return object{"acknowledged": true, "shards_acknowledged": true, "index": name}, nil
	case http.MethodDelete:
		return object{"acknowledged": true}, s.store.remove(name)
	case http.MethodGet, http.MethodHead:
		_, err := s.store.documents(name)
		return object{name: object{}}, err
	}
	return nil, fmt.Errorf("unknown method %s of an index", method)
}

func (s *server) settings(method, index, verb string, body []byte) (any, error) {
	if method == http.MethodGet {
		mapping, err := s.store.mapping(index)
		return object{index: object{"mappings": mapping, "settings": object{}}}, err
	}
	if verb == "_settings" {
		return object{"acknowledged": true}, nil
	}
	var mapping object
	if err := json.Unmarshal(body, &mapping); err != nil {
		return nil, err
	}
	return object{"acknowledged": true}, s.store.setMapping(index, mapping)
}

func (s *server) alias(names []string) (any, error) {
	all := s.store.aliases()
	if len(names) > 0 {
		maps.DeleteFunc(all, func(name string, _ []string) bool { return !slices.Contains(strings.Split(names[0], ","), name) })
		if len(all) == 0 {
			return nil, fmt.Errorf("alias %s: %w", names[0], errMissing)
		}
	}
	answer := object{}
	for alias, indices := range all {
		for _, index := range indices {
			entry, ok := answer[index].(object)
			if !ok {
				entry = object{"aliases": object{}}
				answer[index] = entry
			}
			entry["aliases"].(object)[alias] = object{} //nolint:errcheck // made two lines above
		}
	}
	return answer, nil
}

func (s *server) aliases(body []byte) (any, error) {
	var request struct {
		Actions []map[string]struct{ Index, Alias string } `json:"actions"`
	}
	if err := json.Unmarshal(body, &request); err != nil {
		return nil, err
	}
	for _, action := range request.Actions {
		for verb, what := range action {
			if verb != "add" && verb != "remove" {
				return nil, fmt.Errorf("unknown action %s", verb)
			}
			s.store.alias(what.Alias, what.Index, verb == "add")
		}
	}
	return object{"acknowledged": true}, nil
}

func (s *server) bulk(index string, body []byte) (any, error) {
	lines := bufio.NewReader(strings.NewReader(string(body)))
	decoder := json.NewDecoder(lines)
	var items []any
	for decoder.More() {
		var action map[string]struct {
			ID    any    `json:"_id"`
			Index string `json:"_index"`
		}
		if err := decoder.Decode(&action); err != nil {
			return nil, err
		}
		for verb, what := range action {
			name := what.Index
			if name == "" {
				name = index
			}
			id := fmt.Sprint(what.ID)
			var doc object
			switch verb {
			case "delete":
			case "index", "create":
				if err := decoder.Decode(&doc); err != nil {
					return nil, err
				}
			default:
				return nil, fmt.Errorf("unknown bulk action %s", verb)
			}
			s.store.put(name, id, doc)
			items = append(items, object{verb: object{"_index": name, "_id": id, "status": 200}})
		}
	}
	return object{"took": 1, "errors": false, "items": items}, nil
}

func (s *server) stats(index string) (any, error) {
	docs, err := s.store.documents(index)
	count := object{"docs": object{"count": len(docs), "deleted": 0}}
	return object{"indices": object{index: object{"primaries": count, "total": count}}}, err
}
