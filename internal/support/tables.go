package support

import (
	_ "embed"
	"encoding/json"
	"sync"
)

// tablesFile has what changes with each release of Magento and of its services. The rows below
// Magento 2.4.8 are those of ece-tools 2002.1.17, with OpenSearch 2 for 2.4.4 and 2.4.5, which
// a later release added; those from 2.4.8 on, and Valkey's, follow Magento's release notes and
// what its packages require. Ends of life are those of versions that the catalog does not have.
//
//go:embed tables.json
var tablesFile []byte

// supported is a row of the matrix: for the Magento versions of a constraint, the versions of a
// service that go with them.
type supported struct {
	Magento string `json:"magento"`
	Service string `json:"service"`
}

type tablesOf struct {
	Supported map[string][]supported       `json:"supported"`   // by service; the first row that fits counts
	EndOfLife map[string]map[string]string `json:"end_of_life"` // by service and version, year-month-day
}

// tables are those of the file.
var tables = sync.OnceValue(func() tablesOf { //nolint:gochecknoglobals // read once, never changed
	var t tablesOf
	if err := json.Unmarshal(tablesFile, &t); err != nil {
		panic("tables.json: " + err.Error()) // it is part of this program; a test reads it
	}
	return t
})
