package cli

import "slices"

// Commands returns the names of all commands, hidden ones too.
func Commands() []string {
	c := &program{env: map[string]string{}}
	var names []string
	for _, cmd := range c.root().Commands() {
		names = append(names, cmd.Name())
	}
	slices.Sort(names)
	return names
}
