package manifest

// Status says what the platform does with a property.
type Status string

// A done property is carried out. An ignored one is accepted with a notice. A refused one
// is an error, because a project that asks for it would not get what it relies on.
const (
	StatusDone    Status = "done"
	StatusIgnored Status = "ignored"
	StatusRefused Status = "refused"
)

// shape says what a value must look like. One tree of shapes per file is the only source
// of the checks, of the configuration reference and of the JSON Schemas.
type shape struct {
	kinds   kind       // what is accepted; null always is
	props   []property // a map with these keys
	label   string     // a map with free keys: what the keys are, "service"
	keys    *format    // and what they look like
	values  *shape     // their values, or the items of a list
	allowed []string   // the texts that are accepted
	lowest  *int
	highest *int
	format  *format
	check   func(c *checker, n *node, path string) // rules of a value that a format cannot say
	// custom checks a value and everything below it instead of the tables.
	custom  func(c *checker, n *node, path string)
	alt     []*shape          // other notations, chosen by kind
	homes   map[string]string // where keys belong that are often misplaced here
	unknown string            // unknown keys are warnings; this says what becomes of them
	nearly  bool              // only those unknown keys that are nearly known
	limit   int               // the most entries or items; 0 for no limit of its own
}

// property is one key of a map.
type property struct {
	key      string
	shape    *shape
	doc      string
	fallback string // the default, as the reference prints it
	required bool
	status   Status // empty means done
	note     string // ignored or refused: why, and what to do instead
	quiet    bool   // ignored, and reported by a check of its own
}

// format is a rule for texts with a name.
type format struct {
	name    string // as the reference prints it, "duration"
	pattern string // for JSON Schema; may be laxer than the check
	never   string // the same: what a text that has the format never matches; may be empty
	// wrong says why a text does not have the format and what to write; "" if it has.
	wrong func(text string) (why, fix string)
}

func boolean() *shape  { return &shape{kinds: kindBool} }
func text() *shape     { return &shape{kinds: kindText} }
func anything() *shape { return &shape{kinds: kindScalar | kindList | kindMap} }

func scalar() *shape { return &shape{kinds: kindScalar} }

func integer(lowest int) *shape { return &shape{kinds: kindInt, lowest: &lowest} }

func between(lowest, highest int) *shape {
	return &shape{kinds: kindInt, lowest: &lowest, highest: &highest}
}

func oneOf(allowed ...string) *shape { return &shape{kinds: kindText, allowed: allowed} }

func formatted(f *format) *shape { return &shape{kinds: kindText, format: f} }

func listOf(items *shape) *shape {
	return &shape{kinds: kindList, values: items, limit: maxItems}
}

func mapOf(label string, values *shape) *shape {
	return &shape{kinds: kindMap, label: label, values: values, limit: maxItems}
}

func object(props ...property) *shape { return &shape{kinds: kindMap, props: props} }

// freeForm is a map whose keys are the user's; it is handed on as it is.
func freeForm() *shape { return &shape{kinds: kindMap} }

// or accepts another notation too.
func (s *shape) or(other *shape) *shape {
	s.alt = append(s.alt, other)
	return s
}

// named requires a format of the free keys.
func (s *shape) named(f *format) *shape {
	s.keys = f
	return s
}

// with adds a rule.
func (s *shape) with(check func(c *checker, n *node, path string)) *shape {
	s.check = check
	return s
}

// forms returns the shape and its other notations.
func (s *shape) forms() []*shape { return append([]*shape{s}, s.alt...) }

// wants names what is accepted, "a boolean or text".
func (s *shape) wants() string {
	var names []string
	for _, form := range s.forms() {
		for k := kindBool; k <= kindMap; k <<= 1 {
			if form.kinds&k != 0 {
				names = append(names, k.String())
			}
		}
	}
	return join(names, "or")
}

func (p property) currentStatus() Status {
	if p.status == "" {
		return StatusDone
	}
	return p.status
}
