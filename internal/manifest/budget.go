package manifest

import "fmt"

// maxValues is what all files of one run may come to: values, keys and every 256 bytes of
// text, after aliases, merge keys and includes are resolved. A real project has some
// thousand. What is made of the files, such as the document of an application, has a size
// in proportion.
const (
	maxValues = 100_000
	textUnit  = 256
)

// budget is the number of values that a run may still make. It belongs to the run, not to
// a file or a value, so that nothing multiplies it.
type budget struct {
	spent    int
	exceeded bool
}

// costOfText is the cost of a text in addition to its value.
func costOfText(s string) int { return len(s) / textUnit }

// spend takes n values from the budget, before they are made. It returns false when there
// are not as many left: the caller makes nothing, and the first one reports it.
func (c *converter) spend(n int, pos Position) bool {
	b := &c.budget
	if b.exceeded {
		return false
	}
	b.spent += n
	if b.spent <= maxValues {
		return true
	}
	b.exceeded = true
	c.mistake(pos, "too-many-values", fmt.Sprintf("the files have more than %d values", maxValues),
		"aliases and merged keys count as often as they are used, and long texts as several values", "move data that is not configuration to files of its own")
	return false
}

// nothing stands for a value that could not be made.
func nothing(pos Position) *node { return &node{pos: pos, kind: kindNull, weight: 1} }
