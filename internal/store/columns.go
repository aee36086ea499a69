package store

import (
	"database/sql/driver"
	"encoding/json"
	"fmt"
	"time"
)

// timeLayout is RFC 3339 in UTC with nine decimals, so that the order of the texts is
// the order of the times.
const timeLayout = "2006-01-02T15:04:05.000000000Z"

// timeText returns how a time is stored; the zero time is the empty text.
func timeText(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(timeLayout)
}

// timeColumn scans what timeText wrote.
type timeColumn struct{ to *time.Time }

// Scan implements sql.Scanner.
func (c timeColumn) Scan(src any) error {
	text, ok := src.(string)
	if !ok {
		return fmt.Errorf("time column holds %T", src)
	}
	*c.to = time.Time{}
	if text == "" {
		return nil
	}
	t, err := time.Parse(timeLayout, text)
	if err != nil {
		return fmt.Errorf("time column: %w", err)
	}
	*c.to = t.UTC()
	return nil
}

// jsonColumn stores and scans a value as JSON text. It wraps a value to write and a
// pointer to read.
type jsonColumn struct{ v any }

// Value implements driver.Valuer.
func (c jsonColumn) Value() (driver.Value, error) {
	b, err := json.Marshal(c.v)
	return string(b), err
}

// Scan implements sql.Scanner.
func (c jsonColumn) Scan(src any) error {
	text, ok := src.(string)
	if !ok {
		return fmt.Errorf("JSON column holds %T", src)
	}
	if err := json.Unmarshal([]byte(text), c.v); err != nil {
		return fmt.Errorf("JSON column: %w", err)
	}
	return nil
}

// sealedColumn stores and scans a sealed text. It wraps a []byte to write and a *[]byte
// to read.
type sealedColumn struct {
	sealer *Sealer
	plain  []byte
	to     *[]byte
}

// Value implements driver.Valuer.
func (c sealedColumn) Value() (driver.Value, error) { return c.sealer.Seal(c.plain) }

// Scan implements sql.Scanner.
func (c sealedColumn) Scan(src any) error {
	sealed, ok := src.([]byte)
	if !ok {
		return fmt.Errorf("sealed column holds %T", src)
	}
	plain, err := c.sealer.Unseal(sealed)
	*c.to = plain
	return err
}

// optionalColumn stores an empty text as NULL, which a UNIQUE column may have many of.
type optionalColumn struct{ to *string }

// Value implements driver.Valuer.
func (c optionalColumn) Value() (driver.Value, error) {
	if *c.to == "" {
		return nil, nil //nolint:nilnil // NULL
	}
	return *c.to, nil
}

// Scan implements sql.Scanner.
func (c optionalColumn) Scan(src any) error {
	*c.to, _ = src.(string) // NULL is not a string
	return nil
}
