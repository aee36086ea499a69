package access

import (
	"maps"
	"slices"
)

// Permissions lists all permissions in no order.
func Permissions() []Permission { return slices.Collect(maps.Keys(rules())) }
