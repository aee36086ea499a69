package sanitize

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
)

// The tables of a run. The first says what was done, so that a run that was interrupted can
// be finished; the second holds the key in the server's memory, never on its disk. Both are
// gone when the run has ended.
const (
	stateTable = "sluice_sanitize"
	keyTable   = stateTable + "_key"
)

// keyBytes is the length of the key of fakes.
const keyBytes = 32

// state is the record of a run in one database.
type state struct {
	db   Session
	done map[string]string // step -> "done", or the last key of its last range
}

// openState creates or reads the record.
func openState(ctx context.Context, db Session) (*state, error) {
	s := &state{db: db, done: map[string]string{}}
	if _, err := db.Exec(ctx, "CREATE TABLE IF NOT EXISTS "+ident(db.Table(stateTable))+" (name VARCHAR(190) NOT NULL PRIMARY KEY, body MEDIUMTEXT NOT NULL) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4"); err != nil {
		return nil, err
	}
	rows, err := db.Rows(ctx, "SELECT name, body FROM "+ident(db.Table(stateTable)))
	for _, row := range rows {
		s.done[row.Text("name")] = row.Text("body")
	}
	return s, err
}

// put records a step through the session that did it, so that both are in one transaction.
func put(ctx context.Context, db Session, name, body string) error {
	_, err := db.Exec(ctx, "REPLACE INTO "+ident(db.Table(stateTable))+" (name, body) VALUES (?, ?)", name, body)
	return err
}

// drop removes the tables of the run.
func (s *state) drop(ctx context.Context) error {
	_, err := s.db.Exec(ctx, "DROP TABLE IF EXISTS "+ident(s.db.Table(keyTable))+", "+ident(s.db.Table(stateTable)))
	return err
}

// key returns the key of the fakes, as hexadecimal digits: derived from a seed, that of the
// run that was interrupted, or a new one.
func (s *state) key(ctx context.Context, seed string) (string, error) {
	if seed != "" {
		mac := hmac.New(sha256.New, []byte(seed))
		mac.Write([]byte("sluice data:sanitize"))
		return hex.EncodeToString(mac.Sum(nil)), nil
	}
	name := ident(s.db.Table(keyTable))
	if _, err := s.db.Exec(ctx, "CREATE TABLE IF NOT EXISTS "+name+" (k VARCHAR(64) NOT NULL) ENGINE=MEMORY"); err != nil {
		return "", err
	}
	rows, err := s.db.Rows(ctx, "SELECT k FROM "+name)
	if err != nil {
		return "", err
	}
	if len(rows) > 0 {
		return rows[0].Text("k"), nil
	}
	if len(s.done) > 0 {
		return "", refuse("an earlier run was interrupted and its key is gone with the restart of the database, so the same customer would get different fakes", "synchronise the data again, or delete the environment and branch again")
	}
	key := randomHex(keyBytes)
	_, err = s.db.Exec(ctx, "INSERT INTO "+name+" (k) VALUES (?)", key)
	return key, err
}

// randomHex returns random bytes as hexadecimal digits.
func randomHex(bytes int) string {
	random := make([]byte, bytes)
	_, _ = rand.Read(random) // never fails
	return hex.EncodeToString(random)
}
