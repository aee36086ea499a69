package certs

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/caddyserver/certmagic"

	"sluice/internal/platform"
)

// own are the certificates that people uploaded. The router keeps a copy, so that it can
// serve when sluiced does not run.
type own struct {
	storage *certmagic.FileStorage
	log     *slog.Logger

	mu    sync.Mutex // one replacement at a time
	table atomic.Pointer[ownTable]

	told map[string]time.Time // when warn spoke of a certificate; warn's own
}

// ownTable finds certificates by the name that they are valid for; of several the one that
// is valid longest comes first. It is immutable.
type ownTable map[string][]ownCertificate

// ownCertificate is one that was uploaded for the hosts of a project.
type ownCertificate struct {
	*tls.Certificate
	project string
}

// ownFile is where they are kept; it holds keys, and only its owner can read it.
const ownFile = "own.json"

func (o *own) load(ctx context.Context) error {
	data, err := o.storage.Load(ctx, ownFile)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("read own certificates: %w", err)
	}
	var file []platform.KeyedCertificate
	if err := json.Unmarshal(data, &file); err != nil {
		// sluiced sends them again; sites with other certificates must not wait for that.
		o.log.ErrorContext(ctx, "could not load uploaded certificates; starting without them", slog.Any("error", err))
		return nil
	}
	table, err := newOwnTable(platform.FromKeyed(file))
	if err != nil {
		o.log.ErrorContext(ctx, "could not use uploaded certificates; starting without them", slog.Any("error", err))
		return nil
	}
	o.table.Store(&table)
	return nil
}

func (o *own) replace(ctx context.Context, list []platform.Certificate) error {
	table, err := newOwnTable(list)
	if err != nil {
		return err
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	data, err := json.Marshal(platform.WithKeys(list)) //nolint:gosec // the file is the owner's only
	if err != nil {
		return fmt.Errorf("encode own certificates: %w", err)
	}
	if err := o.storage.Store(ctx, ownFile, data); err != nil {
		return fmt.Errorf("save own certificates: %w", err)
	}
	o.table.Store(&table)
	return nil
}

func newOwnTable(list []platform.Certificate) (ownTable, error) {
	table := ownTable{}
	for _, c := range list {
		pair, err := tls.X509KeyPair([]byte(c.Certificate+strings.Join(c.Chain, "")), []byte(c.Key))
		if err != nil {
			return nil, platform.Errorf(platform.CodeInvalid, "certificate %s cannot be used: its key does not fit or it is damaged; nothing was changed", c.ID)
		}
		for _, name := range pair.Leaf.DNSNames {
			name = strings.ToLower(name)
			table[name] = append(table[name], ownCertificate{&pair, c.Project})
		}
	}
	for _, certs := range table {
		slices.SortStableFunc(certs, func(a, b ownCertificate) int { return b.Leaf.NotAfter.Compare(a.Leaf.NotAfter) })
	}
	return table, nil
}

// match returns the certificate to show for a name, of those whose project serves it: one
// for exactly that name before one for a wildcard, one that the client can use before one
// that it cannot. hello may be nil.
func (o *own) match(name string, hello *tls.ClientHelloInfo, serves func(project string) bool) *tls.Certificate {
	table := o.table.Load()
	if table == nil || name == "" {
		return nil
	}
	if c := suitable((*table)[name], hello, serves); c != nil {
		return c
	}
	if _, rest, ok := strings.Cut(name, "."); ok {
		return suitable((*table)["*."+rest], hello, serves)
	}
	return nil
}

// suitable returns the first certificate that the client can use, or the first.
func suitable(certs []ownCertificate, hello *tls.ClientHelloInfo, serves func(project string) bool) (first *tls.Certificate) {
	for _, c := range certs {
		if !serves(c.project) {
			continue
		}
		if hello == nil || hello.SupportsCertificate(c.Certificate) == nil {
			return c.Certificate
		}
		if first == nil {
			first = c.Certificate
		}
	}
	return first
}

// warn tells once a day about each certificate that ends soon: only the user who uploaded it
// can renew it. It is for one goroutine.
func (o *own) warn(ctx context.Context, now time.Time) {
	table := o.table.Load()
	if table == nil {
		return
	}
	told := map[string]time.Time{}
	for _, certs := range *table {
		for _, c := range certs {
			left := c.Leaf.NotAfter.Sub(now)
			if left > platform.ExpiryNotice {
				continue
			}
			id := platform.CertificateID(c.Leaf)
			last, known := o.told[id]
			if !known {
				last, known = told[id]
			}
			if known && now.Sub(last) < day {
				told[id] = last
				continue
			}
			told[id] = now
			o.log.WarnContext(ctx, "an uploaded certificate expires; upload its successor with: sluice certificate:add",
				slog.String("certificate", id), slog.Any("domains", c.Leaf.DNSNames),
				slog.Time("expires", c.Leaf.NotAfter), slog.Int("days_left", int(left.Hours()/24)))
		}
	}
	o.told = told
}
