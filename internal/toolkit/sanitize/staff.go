package sanitize

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
)

// administrator makes the account of the variables ADMIN_* the one that can log in. Without
// a password in them no administrator can log in: a generated one would be in the log.
func (r *run) administrator(ctx context.Context) error {
	p, t := r.kit.Platform, r.targets[0]
	email, password := p.Variable("ADMIN_EMAIL"), p.Variable("ADMIN_PASSWORD")
	if r.options.Mode == ModeKeep || t.schema.tables["admin_user"] == nil {
		return nil
	}
	if email == "" || password == "" {
		r.kit.Log.Notice("No administrator can log in. Set the variables ADMIN_EMAIL and ADMIN_PASSWORD of this environment before it is cloned, or run `php bin/magento admin:user:create`.")
		return nil
	}
	hash := passwordHash(password)
	name := cmp.Or(p.Variable("ADMIN_USERNAME"), "admin")
	users := ident(t.main.Table("admin_user"))
	rows, err := t.main.Rows(ctx, "SELECT user_id FROM "+users+" WHERE email = ? OR username = ? ORDER BY user_id LIMIT 1", email, name)
	if err != nil {
		return err
	}
	if len(rows) > 0 {
		_, err = t.main.Exec(ctx, "UPDATE "+users+" SET password = ?, is_active = 1 WHERE user_id = ?", hash, number(rows[0], "user_id"))
		return err
	}
	return within(ctx, t.main, func() error {
		if _, err := t.main.Exec(ctx, "INSERT INTO "+users+" (firstname, lastname, email, username, password, is_active) VALUES (?, ?, ?, ?, ?, 1)",
			cmp.Or(p.Variable("ADMIN_FIRSTNAME"), "Clone"), cmp.Or(p.Variable("ADMIN_LASTNAME"), "Administrator"), email, name, hash); err != nil {
			return withoutValues(err)
		}
		return t.administratorsRole(ctx, name)
	})
}

// administratorsRole puts the user into the first role that is a group of administrators.
func (t *target) administratorsRole(ctx context.Context, name string) error {
	roles := ident(t.main.Table("authorization_role"))
	_, err := t.main.Exec(ctx, "INSERT INTO "+roles+" (parent_id, tree_level, sort_order, role_type, user_id, user_type, role_name) "+
		"SELECT g.role_id, 2, 0, 'U', u.user_id, '2', ? FROM "+ident(t.main.Table("admin_user"))+" u JOIN "+
		"(SELECT r.role_id FROM "+roles+" r LEFT JOIN "+ident(t.main.Table("authorization_rule"))+" a ON a.role_id = r.role_id AND a.resource_id = 'Magento_Backend::all' AND a.permission = 'allow' WHERE r.role_type = 'G' ORDER BY a.rule_id IS NULL, r.role_id LIMIT 1) g WHERE LAST_INSERT_ID() = u.user_id", name)
	return withoutValues(err)
}

// passwordHash makes a hash that Magento accepts, and replaces by a better one at the first
// login.
func passwordHash(password string) string {
	salt := randomHex(16)
	sum := sha256.Sum256([]byte(salt + password))
	return hex.EncodeToString(sum[:]) + ":" + salt + ":1"
}
