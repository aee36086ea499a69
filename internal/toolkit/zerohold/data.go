package zerohold

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"

	"sluice/internal/toolkit/kit"
)

// DataDigest returns a digest of what the database looks like to code: the versions of all
// modules, the patches that were applied, and the schema that was declared when it was
// upgraded last. Content does not count: orders and products may change. It is ""
// when no earlier deployment recorded that.
func DataDigest(ctx context.Context, k *kit.Kit) (string, error) {
	upgraded, reason, err := recorded(ctx, k)
	if err != nil || reason != "" {
		return "", err
	}
	db, err := k.Databases.Open(ctx, "default")
	if err != nil {
		return "", err
	}
	h := sha256.New()
	for _, part := range []string{partModules, partSchema} {
		_, _ = fmt.Fprintf(h, "%s=%s\n", part, upgraded[part]) // a hash does not fail
	}
	for _, query := range []string{
		"SELECT module, schema_version, data_version FROM " + db.Table("setup_module") + " ORDER BY module",
		"SELECT patch_name FROM " + db.Table("patch_list") + " ORDER BY patch_name",
	} {
		rows, err := db.Rows(ctx, query)
		if err != nil {
			return "", fmt.Errorf("read the versions of modules and patches: %w", err)
		}
		for _, row := range rows {
			for _, key := range row.Keys() {
				_, _ = io.WriteString(h, row.Text(key)+"\x00") // as above
			}
			_, _ = io.WriteString(h, "\n")
		}
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}
