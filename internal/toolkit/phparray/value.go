package phparray

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// unary reads a value with the signs and casts before it.
func (p *parser) unary() (any, *mistake) {
	op := p.tok
	if op.kind != "-" && op.kind != "+" && op.kind != tokenCast && op.kind != "!" {
		return p.primary()
	}
	if p.depth++; p.depth > maxDepth {
		return nil, &mistake{op.start, fmt.Sprintf("signs and casts nest deeper than %d", maxDepth), ""}
	}
	defer func() { p.depth-- }()
	if m := p.advance(); m != nil {
		return nil, m
	}
	v, m := p.unary()
	if m != nil {
		return nil, m
	}
	switch op.kind {
	case "!":
		return !Truthy(v), nil
	case tokenCast:
		return castTo(op, v)
	}
	sum, ok := negate(op.kind, v)
	if !ok {
		return nil, &mistake{op.start, "only numbers can have a sign", ""}
	}
	return sum, nil
}

func negate(op string, v any) (any, bool) {
	if f, ok := v.(float64); ok && op == "-" {
		return -f, true // 0 - 0.0 would lose the sign
	}
	return calculate(op, 0, v)
}

func castTo(op token, v any) (any, *mistake) {
	a, isArray := v.(*Array)
	switch op.text {
	case "int", "integer":
		return Number(v), nil
	case "bool", "boolean":
		return Truthy(v), nil
	case "float", "double":
		return Float(v), nil
	case "array":
		switch {
		case isArray:
			return a, nil
		case v == nil:
			return New(), nil
		default:
			return List(v), nil
		}
	case "string":
		if !isArray {
			return String(v), nil
		}
	}
	return nil, &mistake{op.start, "the cast (" + op.text + ") cannot be done here", ""}
}

// primary reads a literal, an array, a constant or an expression in brackets.
func (p *parser) primary() (any, *mistake) {
	t := p.tok
	switch t.kind {
	case tokenString:
		return t.text, p.advance()
	case tokenInt:
		n, err := strconv.Atoi(t.text)
		if err != nil {
			return nil, &mistake{t.start, "the number " + strconv.Quote(clip(t.text)) + " is wrong", ""}
		}
		return n, p.advance()
	case tokenFloat:
		f, err := strconv.ParseFloat(t.text, 64)
		if err != nil && !math.IsInf(f, 0) {
			return nil, &mistake{t.start, "the number " + strconv.Quote(clip(t.text)) + " is wrong", ""}
		}
		return f, p.advance()
	case "[":
		if m := p.advance(); m != nil {
			return nil, m
		}
		return p.array("]")
	case "(":
		return p.bracketed()
	case tokenName:
		return p.named()
	}
	return nil, p.unexpected("a value")
}

func (p *parser) bracketed() (any, *mistake) {
	if m := p.advance(); m != nil {
		return nil, m
	}
	v, m := p.expression()
	if m != nil {
		return nil, m
	}
	if p.tok.kind != ")" {
		return nil, p.unexpected("\")\"")
	}
	return v, p.advance()
}

// array reads elements up to the closing bracket; the opening one has been read.
func (p *parser) array(closing string) (any, *mistake) {
	a := New()
	for p.tok.kind != closing {
		if m := p.element(a, closing); m != nil {
			return nil, m
		}
	}
	return a, p.advance()
}

func (p *parser) element(a *Array, closing string) *mistake {
	start := p.tok.start
	if p.tok.kind == "..." {
		return &mistake{start, "\"...\" cannot be read", "write the elements themselves"}
	}
	v, m := p.expression()
	if m != nil {
		return m
	}
	if p.tok.kind == "=>" {
		key, ok := keyOf(v)
		if !ok {
			return &mistake{start, "an array cannot be a key", ""}
		}
		if m := p.advance(); m != nil {
			return m
		}
		if v, m = p.expression(); m != nil {
			return m
		}
		a.Put(key, v)
	} else if !a.Append(v) {
		return &mistake{start, "the array has no next key for this element", "write a key"}
	}
	switch p.tok.kind {
	case ",":
		return p.advance()
	case closing:
		return nil
	}
	return p.unexpected("\",\" or \"" + closing + "\"")
}

// keyOf makes a key of a value as PHP does.
func keyOf(v any) (Key, bool) {
	switch v := v.(type) {
	case *Array:
		return Key{}, false
	case nil:
		return Text(""), true
	case string:
		return Text(v), true
	default:
		return Int(Number(v)), true
	}
}

// named reads a constant, Foo::class, Foo::CONSTANT or array(…).
func (p *parser) named() (any, *mistake) {
	name := p.tok
	if m := p.advance(); m != nil {
		return nil, m
	}
	switch p.tok.kind {
	case "(":
		if !strings.EqualFold(name.text, "array") {
			return nil, &mistake{name.start, "the call of " + clip(name.text) + "() cannot be read", "write the value that it returns"}
		}
		if m := p.advance(); m != nil {
			return nil, m
		}
		return p.array(")")
	case "::":
		return p.member(name)
	}
	if v, ok := Constant(name.text); ok {
		return v, nil
	}
	return nil, &mistake{name.start, "the constant " + clip(name.text) + " is not known here", "write its value"}
}

// member reads what follows "Foo::".
func (p *parser) member(class token) (any, *mistake) {
	if m := p.advance(); m != nil {
		return nil, m
	}
	if p.tok.kind != tokenName {
		return nil, p.unexpected("the name of a constant")
	}
	member := p.tok.text
	if m := p.advance(); m != nil {
		return nil, m
	}
	name := strings.TrimPrefix(class.text, `\`)
	if strings.EqualFold(member, "class") {
		return name, nil
	}
	full := name + "::" + member
	if p.tok.kind == "(" {
		return nil, &mistake{class.start, "the call of " + clip(full) + "() cannot be read", "write the value that it returns"}
	}
	if v, ok := Constant(full); ok {
		return v, nil
	}
	return nil, &mistake{class.start, "the constant " + clip(full) + " is not known here", "write its value"}
}
