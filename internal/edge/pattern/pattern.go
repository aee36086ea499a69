package pattern

import (
	"context"
	"errors"
	"regexp"
	"sync"
	"sync/atomic"
	"time"

	"github.com/dlclark/regexp2"
)

// Limits of expressions.
const (
	MaxText = 2 << 10 // bytes of a text; longer ones match nothing

	budget   = 20 * time.Millisecond // for all expressions of one request
	slice    = 5 * time.Millisecond  // for one attempt of a backtracking expression
	maxSlow  = 20                    // slow attempts after which an expression is switched off
	slowSpan = time.Minute           // in which they have to happen
)

// ErrUndecided says that a match was not found out: it took too long, the text is too
// long, or the expression is switched off.
var ErrUndecided = errors.New("the regular expression could not be decided in time")

// Pattern is one compiled expression. It is safe for concurrent use.
type Pattern struct {
	expr   string
	linear *regexp.Regexp
	pcre   *regexp2.Regexp // when linear is nil

	off   atomic.Bool
	onOff func() // nil: not reported

	mu    sync.Mutex
	since time.Time // of the first slow attempt that counts
	slow  int
}

// fineClock makes regexp2 look at the time every millisecond. Its default of 100 ms makes
// every smaller limit one of 100 to 200 ms.
var fineClock = sync.OnceFunc(func() { regexp2.SetTimeoutCheckPeriod(time.Millisecond) }) //nolint:gochecknoglobals // once for the process

// Compile compiles an expression with Perl's syntax.
func Compile(expr string) (*Pattern, error) {
	if re, err := regexp.Compile(expr); err == nil {
		return &Pattern{expr: expr, linear: re}, nil
	}
	fineClock()
	re, err := regexp2.Compile(expr, regexp2.None)
	if err != nil {
		return nil, err
	}
	re.MatchTimeout = slice
	return &Pattern{expr: expr, pcre: re}, nil
}

// String returns the expression.
func (p *Pattern) String() string { return p.expr }

// Backtracks reports whether a text can make the expression slow.
func (p *Pattern) Backtracks() bool { return p.linear == nil }

// SwitchedOff reports whether the expression was slow so often that it is not tried any
// more.
func (p *Pattern) SwitchedOff() bool { return p.off.Load() }

// OnSwitchedOff sets what is called when the expression is switched off. It must be set
// before the first match and must not block.
func (p *Pattern) OnSwitchedOff(f func()) { p.onOff = f }

// Match reports whether the expression matches somewhere in the text. It returns
// ErrUndecided when that was not found out.
func (p *Pattern) Match(b *Budget, text string) (bool, error) {
	if p.linear == nil {
		g, err := p.Find(b, text)
		return g != nil, err
	}
	start, err := p.begin(b, text)
	if err != nil {
		return false, err
	}
	defer b.end(start)
	return p.linear.MatchString(text), nil // no groups, so nothing is allocated
}

// begin returns ErrUndecided when the text is not to be compared with the expression.
func (p *Pattern) begin(b *Budget, text string) (start time.Duration, err error) {
	if len(text) > MaxText || p.off.Load() {
		return start, ErrUndecided
	}
	start, ok := b.begin()
	if !ok {
		return start, ErrUndecided
	}
	return start, nil
}

// Find returns the first match and its groups: nil when there is none, and ErrUndecided
// when that was not found out.
func (p *Pattern) Find(b *Budget, text string) (Groups, error) {
	start, err := p.begin(b, text)
	if err != nil {
		return nil, err
	}
	defer b.end(start)
	if p.linear != nil {
		if at := p.linear.FindStringSubmatchIndex(text); at != nil {
			return linearGroups{text, at}, nil
		}
		return nil, nil //nolint:nilnil // no match is a common outcome and no failure
	}
	// A busy machine may stop this thread for longer than a slice. Once more, then: only an
	// expression that is slow by itself fails twice.
	for range 2 {
		m, err := p.pcre.FindStringMatch(text)
		if err == nil && m == nil {
			return nil, nil //nolint:nilnil // as above
		}
		if err == nil {
			return backtrackedGroups{m}, nil
		}
	}
	p.wasSlow()
	return nil, ErrUndecided
}

// wasSlow counts, and switches off in the end.
func (p *Pattern) wasSlow() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if now := time.Now(); now.Sub(p.since) > slowSpan {
		p.since, p.slow = now, 0
	}
	if p.slow++; p.slow >= maxSlow && !p.off.Swap(true) && p.onOff != nil {
		p.onOff()
	}
}

// Groups is what the groups of an expression matched.
type Groups interface {
	// Group returns the text of a group by its number; "" when it has none.
	Group(n int) string
}

type linearGroups struct {
	text string
	at   []int // pairs of begin and end; -1 for a group that took no part
}

func (g linearGroups) Group(n int) string {
	if n < 0 || 2*n+1 >= len(g.at) || g.at[2*n] < 0 {
		return ""
	}
	return g.text[g.at[2*n]:g.at[2*n+1]]
}

type backtrackedGroups struct{ match *regexp2.Match }

func (g backtrackedGroups) Group(n int) string {
	if group := g.match.GroupByNumber(n); group != nil {
		return group.String()
	}
	return ""
}

// Budget is the time that all expressions of one request have together. A nil Budget is
// one that is used once.
type Budget struct {
	clock func() time.Duration
	left  atomic.Int64
}

type budgetKey struct{}

// WithBudget returns a context for a request that is going to be compared with
// expressions. A request that has a budget keeps it.
func WithBudget(ctx context.Context) context.Context {
	if Of(ctx) != nil {
		return ctx
	}
	begin := time.Now()
	return WithBudgetOf(ctx, func() time.Duration { return time.Since(begin) })
}

// WithBudgetOf is WithBudget by another clock, such as one of a process's own time.
func WithBudgetOf(ctx context.Context, clock func() time.Duration) context.Context {
	b := &Budget{clock: clock}
	b.left.Store(int64(budget))
	return context.WithValue(ctx, budgetKey{}, b)
}

// Of returns the budget of a request; nil when it has none.
func Of(ctx context.Context) *Budget {
	b, _ := ctx.Value(budgetKey{}).(*Budget)
	return b
}

// begin reports false when the time is used up.
func (b *Budget) begin() (start time.Duration, ok bool) {
	if b == nil {
		return 0, true
	}
	return b.clock(), b.left.Load() > 0
}

func (b *Budget) end(start time.Duration) {
	if b != nil {
		b.left.Add(-int64(b.clock() - start))
	}
}
