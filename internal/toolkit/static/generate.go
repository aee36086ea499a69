package static

import (
	"context"
	"fmt"
	"os"

	"sluice/internal/toolkit/shell"
)

// Generator makes the content of a plan below pub/static. An error says which pass
// failed; content that was made before it stays.
type Generator interface {
	Generate(ctx context.Context, p Plan) error
}

// Magento is a Generator that runs bin/magento and checks what came out.
type Magento struct {
	Shell  shell.Runner
	Static string // the directory of the content
}

// Generate runs setup:static-content:deploy once for each pass.
func (m Magento) Generate(ctx context.Context, p Plan) error {
	for _, pass := range p.Passes {
		result, err := shell.Magento(ctx, m.Shell, "setup:static-content:deploy", p.Args(pass)...)
		if err != nil {
			return err
		}
		if err := m.check(result, p); err != nil {
			return fmt.Errorf("%w; check the output in cloud.log, and that the database's host has no port or socket", err)
		}
	}
	return nil
}

func (m Magento) check(result shell.Result, p Plan) error {
	root, err := os.OpenRoot(m.Static)
	if err != nil {
		return err
	}
	defer func() { _ = root.Close() }() // opened to read: nothing is lost
	return Check(result.Stdout+"\n"+result.Stderr, root.FS(), p.Options.Strategy == "compact")
}
