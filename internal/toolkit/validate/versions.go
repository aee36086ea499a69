package validate

import (
	"context"
	"fmt"
	"regexp"
	"strings"

	"sluice/internal/toolkit/kit"
	"sluice/internal/toolkit/phparray"
	"sluice/internal/toolkit/services"
	"sluice/internal/toolkit/shell"
)

// Environment are the Services of the environment that a kit is in: what relationships say,
// else what the servers answer.
type Environment struct{}

// Version implements Services.
func (e Environment) Version(ctx context.Context, k *kit.Kit, service string) (string, error) {
	rels := k.Platform.Relationships
	switch service {
	case "php":
		return phpRunning(ctx, k)
	case "mariadb", "mysql", "aurora":
		return databaseVersion(ctx, k)
	case "redis":
		return services.Version(ctx, k.HTTP, services.Redis(rels))
	case "valkey":
		return services.Version(ctx, k.HTTP, services.Valkey(rels))
	case "rabbitmq":
		return services.Version(ctx, k.HTTP, services.Rabbit(rels))
	case elasticsearch:
		return services.Version(ctx, k.HTTP, services.Elasticsearch(rels))
	case opensearch:
		return services.Version(ctx, k.HTTP, services.OpenSearch(rels))
	}
	return services.Version(ctx, k.HTTP, services.Find(rels, service))
}

func phpRunning(ctx context.Context, k *kit.Kit) (string, error) {
	result, err := k.Shell.Run(ctx, shell.Command{Args: []string{"php", "-r", "echo PHP_VERSION;"}})
	if err != nil {
		return "", err
	}
	return result.LastLine(), nil
}

// Database implements Services.
func (e Environment) Database(ctx context.Context, k *kit.Kit) (string, error) {
	if !services.Find(k.Platform.Relationships, services.Database).Exists() {
		return "", nil
	}
	db, err := k.Databases.Open(ctx, "default")
	if err != nil {
		return "", err
	}
	rows, err := db.Rows(ctx, `SHOW VARIABLES LIKE "%version%"`)
	if err != nil {
		return "", fmt.Errorf("version of the database: %w", err)
	}
	kind := "mysql"
	for _, row := range rows {
		values := values(row)
		if values[0] == "aurora_version" {
			return "aurora", nil
		}
		if strings.Contains(strings.ToLower(strings.Join(values, " ")), "mariadb") {
			kind = "mariadb"
		}
	}
	return kind, nil
}

// values are those of a row as texts; at least one.
func values(row *phparray.Array) []string {
	out := make([]string, 0, row.Len())
	for _, v := range row.All() {
		out = append(out, phparray.String(v))
	}
	if len(out) == 0 {
		return []string{""}
	}
	return out
}

// databaseVersion asks the server: a relationship names the type that the project asked
// for, and MariaDB may report another version than it has.
func databaseVersion(ctx context.Context, k *kit.Kit) (string, error) {
	db, err := k.Databases.Open(ctx, "default")
	if err != nil {
		return "", err
	}
	rows, err := db.Rows(ctx, "SELECT VERSION()")
	if err != nil {
		return "", fmt.Errorf("version of the database: %w", err)
	}
	if len(rows) == 0 {
		return services.Undetected, nil
	}
	text := values(rows[0])[0]
	if short := regexp.MustCompile(`^\d+\.\d+`).FindString(text); short != "" {
		return short, nil
	}
	return services.Undetected, nil
}
