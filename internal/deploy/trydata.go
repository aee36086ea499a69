package deploy

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"sluice/internal/engine"
	"sluice/internal/platform"
	"sluice/internal/snapshot"
)

// ServiceVersions returns the type and version of each service of a release, such as
// "mysql:10.11".
func (s *Service) ServiceVersions(r platform.Release) (map[string]string, error) {
	stored, err := readRelease(r)
	if err != nil {
		return nil, err
	}
	return versionsOf(stored.Spec), nil
}

// TryData starts the services of a release on a snapshot, in an environment of their own that
// nothing reaches, and counts the rows of each table of its databases. Nothing of it is left.
func (s *Service) TryData(
	ctx context.Context, r platform.Release, scratch platform.EnvironmentID, snapshotID string, log io.Writer,
) (rows map[string]int64, err error) {
	stored, err := readRelease(r)
	if err != nil {
		return nil, err
	}
	spec := engine.Spec{Environment: scratch, Project: r.Project, Release: "try"}
	var parts []string
	for _, service := range stored.Spec.Services {
		if len(service.Mounts) == 0 {
			continue // it stores nothing
		}
		service.Address = "" // of the environment's network
		spec.Services = append(spec.Services, service)
		parts = append(parts, snapshot.ServicePart(service.Name))
	}
	if len(parts) == 0 {
		return nil, nil
	}
	defer func() { err = errors.Join(err, s.DropTry(context.WithoutCancel(ctx), scratch, r.Project)) }()
	if _, err := s.Snapshots.Plant(ctx, snapshot.PlantRequest{Snapshot: snapshotID, Environment: scratch, Parts: parts, Reason: "tried out", Consume: true}, log); err != nil {
		return nil, err
	}
	if err := s.Engine.Prepare(ctx, spec, log); err != nil {
		return nil, fmt.Errorf("start the services on the data: %w", err)
	}
	rows = map[string]int64{}
	for _, service := range spec.Services {
		if isDatabase(service) {
			if err := s.countRows(ctx, scratch, service, rows); err != nil {
				return nil, err
			}
		}
	}
	return rows, nil
}

func isDatabase(s engine.Service) bool {
	return strings.HasPrefix(s.Version, "mysql:") || strings.HasPrefix(s.Version, "mariadb:")
}

// DropTry removes what TryData left when the process died.
func (s *Service) DropTry(ctx context.Context, scratch platform.EnvironmentID, project string) error {
	return s.Engine.Destroy(ctx, scratch, project, true, io.Discard)
}

// countRows reads every row of a database: each page of a damaged one is met.
func (s *Service) countRows(ctx context.Context, env platform.EnvironmentID, service engine.Service, rows map[string]int64) error {
	const tables = "SELECT 'table' AS kind, table_schema, table_name FROM information_schema.tables WHERE table_type = 'BASE TABLE' " +
		"AND table_schema NOT IN ('mysql', 'sys', 'information_schema', 'performance_schema');\n"
	found, err := s.query(ctx, env, service, tables)
	if err != nil {
		return err
	}
	var counts strings.Builder
	for _, row := range found {
		if len(row) == 3 && row[0] == "table" {
			name := service.Name + "/" + row[1] + "." + row[2]
			fmt.Fprintf(&counts, "SELECT 'rows' AS kind, %s, COUNT(*) FROM %s.%s;\n", quoteSQL(name), quoteName(row[1]), quoteName(row[2]))
		}
	}
	counted, err := s.query(ctx, env, service, counts.String())
	if err != nil {
		return err
	}
	for _, row := range counted {
		if len(row) != 3 || row[0] != "rows" {
			continue
		}
		n, err := strconv.ParseInt(row[2], 10, 64)
		if err != nil {
			return fmt.Errorf("count the rows of %s: %w", row[1], err)
		}
		rows[row[1]] = n
	}
	return nil
}

func quoteSQL(s string) string {
	return "'" + strings.NewReplacer(`\`, `\\`, `'`, `''`).Replace(s) + "'"
}

func quoteName(s string) string { return "`" + strings.ReplaceAll(s, "`", "``") + "`" }

// query runs SQL with all rights, as the set-up of the service does, and returns its rows.
func (s *Service) query(ctx context.Context, env platform.EnvironmentID, service engine.Service, sql string) ([][]string, error) {
	if sql == "" || service.Setup == nil {
		return nil, nil
	}
	var out, problems bytes.Buffer
	code, err := s.Engine.Exec(ctx, engine.ExecRequest{
		Environment: env, Container: service.Name, Command: service.Setup.Command,
		Stdin: strings.NewReader(sql), Stdout: &out, Stderr: &problems,
	})
	if err == nil && code != 0 {
		err = fmt.Errorf("status %d: %s", code, strings.TrimSpace(problems.String()))
	}
	if err != nil {
		return nil, fmt.Errorf("query '%s': %w", service.Name, err)
	}
	var rows [][]string
	for line := range strings.Lines(out.String()) {
		rows = append(rows, strings.Split(strings.TrimSuffix(line, "\n"), "\t"))
	}
	return rows, nil
}
