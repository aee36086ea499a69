package manifest

import (
	"fmt"
	"net/netip"
	"regexp"
	"strconv"
	"strings"
	"time"
)

var (
	namePattern     = regexp.MustCompile(`^[a-z0-9][a-z0-9_-]*$`)
	typePattern     = regexp.MustCompile(`^[a-z0-9][a-z0-9_.-]*(:[A-Za-z0-9][A-Za-z0-9_.-]*)?$`)
	durationPattern = regexp.MustCompile(`^(\d+)(ms|s|m|h|d|w|M|y)?$`)
	sizePattern     = regexp.MustCompile(`^(\d+)([kKmMgG]?)[bB]?$`)
	endpointPattern = regexp.MustCompile(`^([A-Za-z0-9][A-Za-z0-9_.-]*):([A-Za-z0-9][A-Za-z0-9_.-]*)$`)
	routePattern    = regexp.MustCompile(`^https?://([^/?#\s]+)(/[^?#\s]*)?$`)
	hostPattern     = regexp.MustCompile(`^(\*\.)?([A-Za-z0-9_-]+\.)*(\{default\}|\{all\}|[A-Za-z0-9_-]+)(:(80|443))?$`)
	portPattern     = regexp.MustCompile(`:\d+$`)
	versionPattern  = regexp.MustCompile(`^\d+(\.\d+)+$`)
	variablePattern = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)
)

// maximumNameChars is the length of a DNS label, which names become.
const maximumNameChars = 63

// patternFormat is a form that a pattern alone decides; why is what a message says of other texts.
func patternFormat(name, pattern, why string) *format {
	re := regexp.MustCompile(pattern)
	return &format{name: name, pattern: pattern, wrong: func(s string) (string, string) {
		if re.MatchString(s) {
			return "", ""
		}
		return why, ""
	}}
}

// nameFormat is the form of application, service and worker names.
func nameFormat(of string) *format {
	return &format{name: of + " name", pattern: namePattern.String(), wrong: func(s string) (why, fix string) {
		switch {
		case namePattern.MatchString(s) && len(s) <= maximumNameChars:
			return "", ""
		case len(s) > maximumNameChars:
			return fmt.Sprintf("a name has at most %d characters", maximumNameChars), ""
		case namePattern.MatchString(strings.ToLower(s)):
			return "names are in lower case", "write " + strings.ToLower(s)
		default:
			return "names have only a-z, 0-9, - and _, and begin with a letter or digit", ""
		}
	}}
}

// typeFormat is "name:version"; example is what messages suggest.
func typeFormat(example string) *format {
	return &format{name: "type", pattern: typePattern.String(), wrong: func(s string) (why, fix string) {
		switch {
		case !typePattern.MatchString(s):
			return "a type is a name, a colon and a version", fmt.Sprintf("write it as %q", example)
		case s[0] >= '0' && s[0] <= '9':
			return "the name is missing", fmt.Sprintf("write it as %q", example)
		default:
			return "", ""
		}
	}}
}

// durationFormat is a location's or redirect's time: -1, seconds, or
// a number with a unit.
func durationFormat() *format {
	return &format{name: "duration", pattern: `^(-1s?|\d+(ms|s|m|h|d|w|M|y)?)$`, wrong: func(s string) (why, fix string) {
		if _, ok := parseDuration(s); !ok {
			return "units are ms, s, m, h, d, w, M (30 days) and y (365 days)", `write a number with a unit, such as "1y", or -1 for no caching`
		}
		return "", ""
	}}
}

// parseDuration reads a duration; negative means "no caching headers".
func parseDuration(s string) (time.Duration, bool) {
	if s == "-1" || s == "-1s" {
		return -1, true
	}
	match := durationPattern.FindStringSubmatch(s)
	if match == nil {
		return 0, false
	}
	n, err := strconv.ParseInt(match[1], 10, 64)
	if err != nil {
		return 0, false
	}
	const day = 24 * time.Hour
	unit := map[string]time.Duration{
		"": time.Second, "ms": time.Millisecond, "s": time.Second, "m": time.Minute, "h": time.Hour,
		"d": day, "w": 7 * day, "M": 30 * day, "y": 365 * day,
	}[match[2]]
	if n > int64(100*365*day/unit) {
		return 0, false // beyond a century
	}
	return time.Duration(n) * unit, true
}

func sizeFormat() *format {
	return &format{name: "size", pattern: sizePattern.String(), wrong: func(s string) (why, fix string) {
		if _, ok := parseSize(s); !ok {
			return "a size is a number of bytes, or a number with k, m or g", `write it as "250m"`
		}
		return "", ""
	}}
}

// parseSize reads a number of bytes with an optional unit of 1024.
func parseSize(s string) (int64, bool) {
	match := sizePattern.FindStringSubmatch(s)
	if match == nil {
		return 0, false
	}
	n, err := strconv.ParseInt(match[1], 10, 40)
	if err != nil {
		return 0, false
	}
	shift := map[string]uint{"": 0, "k": 10, "m": 20, "g": 30}[strings.ToLower(match[2])]
	if n > 1<<40>>shift {
		return 0, false
	}
	return n << shift, true
}

// endpointFormat is "name:endpoint"; usual is the endpoint to suggest.
func endpointFormat(usual string) *format {
	return &format{name: `pair "name:endpoint"`, pattern: endpointPattern.String(), wrong: func(s string) (why, fix string) {
		switch {
		case endpointPattern.MatchString(s):
			return "", ""
		case endpointPattern.MatchString(s + ":" + "x"):
			return "the endpoint is missing", fmt.Sprintf("write it as %q", s+":"+usual)
		default:
			return "it needs a name, a colon and an endpoint", fmt.Sprintf("write it as %q", "name:"+usual)
		}
	}}
}

// splitEndpoint cuts "name:endpoint".
func splitEndpoint(s string) (name, endpoint string) {
	name, endpoint, _ = strings.Cut(s, ":")
	return name, endpoint
}

// routeFormat is a key of routes.yaml.
func routeFormat() *format {
	pattern := `^https?://(\*\.)?([A-Za-z0-9_-]+\.)*(\{default\}|\{all\}|[A-Za-z0-9_-]+)(:(80|443))?(/[^?#\s()^$|\\]*)?$`
	return &format{name: "route", pattern: pattern, wrong: func(s string) (why, fix string) {
		match := routePattern.FindStringSubmatch(s)
		switch {
		case !strings.HasPrefix(s, "http://") && !strings.HasPrefix(s, "https://"):
			return "a route begins with http:// or https://", `write it as "https://{default}/"`
		case match == nil:
			return "a route is a scheme, a host and a path, without query and spaces", `write it as "https://{default}/"`
		case strings.ContainsAny(match[2], `()^$|\`):
			return "routes cannot be regular expressions", "use redirects.paths with regexp: true"
		case hostPattern.MatchString(match[1]):
			return "", ""
		case hostPattern.MatchString(portPattern.ReplaceAllString(match[1], "")):
			return "only the ports 80 and 443 are served", "leave out the port"
		case strings.Contains(match[1], "{"):
			return "the placeholders are {default} and {all}", didYouMean(match[1], []string{"{default}", "{all}"})
		default:
			return "the host has characters that no host name has", ""
		}
	}}
}

// targetFormat is where a redirect goes: a path or a URL, with placeholders.
func targetFormat() *format {
	return &format{name: "redirect target", pattern: ".", wrong: func(s string) (why, fix string) {
		if strings.TrimSpace(s) == "" || strings.ContainsAny(s, "\n\r") {
			return "it is empty or has several lines", "write a path or a URL"
		}
		return "", ""
	}}
}

// pathFormat is a path below the application's root.
func pathFormat() *format {
	return &format{name: "relative path", pattern: ".*", never: dotDot, wrong: func(s string) (why, fix string) {
		if hasDotDot(s) || strings.ContainsAny(s, "\x00\n") {
			return "it leaves the application's directory", `write a path without ".."`
		}
		if len(s) > maxPathBytes {
			return fmt.Sprintf("a path has at most %d bytes", maxPathBytes), ""
		}
		return "", ""
	}}
}

// dotDot finds a part of a path that leads upwards.
const dotDot = `(^|/)\.\.(/|$)`

func hasDotDot(s string) bool {
	for part := range strings.SplitSeq(s, "/") {
		if part == ".." {
			return true
		}
	}
	return false
}

func locationFormat() *format {
	return &format{name: "location", pattern: "^/", wrong: func(s string) (why, fix string) {
		switch {
		case !strings.HasPrefix(s, "/"):
			return "a location is a URL path", fmt.Sprintf("write %q", "/"+s)
		case strings.ContainsAny(s, " \n\t?#"):
			return "a location is a plain URL path", ""
		default:
			return "", ""
		}
	}}
}

func timezoneFormat() *format {
	return &format{name: "time zone", pattern: `^[A-Za-z]`, wrong: func(s string) (why, fix string) {
		if _, err := time.LoadLocation(s); err != nil || s == "" || s == "Local" {
			return "it is not in the IANA database", `write it as "Europe/Berlin"`
		}
		return "", ""
	}}
}

func cidrFormat() *format {
	return &format{name: "address range", pattern: `^[0-9a-fA-F.:]+(/\d+)?$`, wrong: func(s string) (why, fix string) {
		if _, err := netip.ParsePrefix(s); err == nil {
			return "", ""
		}
		if _, err := netip.ParseAddr(s); err == nil {
			return "", ""
		}
		return "it is not an IP address with a prefix length", `write it as "192.0.2.0/24"`
	}}
}

func addressFormat() *format {
	return &format{name: "IP address", pattern: `^[0-9a-fA-F.:]+$`, wrong: func(s string) (why, fix string) {
		if _, err := netip.ParseAddr(s); err != nil {
			return "names are not allowed here", `write it as "192.0.2.10"`
		}
		return "", ""
	}}
}

func domainFormat() *format {
	return patternFormat("domain name", `^(\*\.)?([A-Za-z0-9_-]+\.)*[A-Za-z0-9_-]+\.?$`, "it has characters that no domain name has")
}

// expressionFormat is a PCRE; see wrongExpression.
func expressionFormat() *format {
	return &format{name: "regular expression", pattern: ".*", wrong: func(s string) (why, fix string) {
		return wrongExpression(s), ""
	}}
}
