package contract

import (
	"path"
	"slices"
	"strings"
)

// isToolkit reports whether a command is the toolkit, under either of its names.
func isToolkit(word string) bool {
	return word == path.Base(ToolkitPath) || word == path.Base(ToolkitAlias)
}

// TellsTouch reports whether a deploy hook promises to print Touch before it first writes
// to data: every command of it is the platform's toolkit. Anything else, even a line that
// cannot be told apart from a command, counts as writing from the start.
func TellsTouch(script string) bool {
	commands := 0
	for line := range strings.Lines(script) {
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "#") || line == "set -e" || isPreamble(line) {
			continue
		}
		if strings.ContainsAny(line, ";&|`$(<>") {
			return false
		}
		if word, _, _ := strings.Cut(line, " "); !isToolkit(word) {
			return false
		}
		commands++
	}
	return commands > 0
}

// isPreamble reports whether the line is one that the platform puts before every script.
func isPreamble(line string) bool {
	return line == "cd "+AppDir+" || exit 1" || line == SourceEnvironment
}

// RunsToolkit reports whether a hook runs the toolkit, or the project's own copy of
// ece-tools, in any of its commands. It reads the script as a shell does, as far as words,
// quotes, comments and lists of commands go.
func RunsToolkit(script string) bool {
	return slices.ContainsFunc(commands(script), func(words []string) bool {
		words = skipPrefixes(words)
		if script, ok := shellScript(words); ok {
			return RunsToolkit(script)
		}
		if len(words) > 0 && strings.HasPrefix(path.Base(words[0]), "php") {
			// Its options, such as -d memory_limit=-1, come before the script.
			words = slices.DeleteFunc(words[1:], func(w string) bool { return strings.HasPrefix(w, "-") || strings.Contains(w, "=") })
		}
		return len(words) > 0 && isToolkit(path.Base(words[0]))
	})
}

// shellScript returns the script of "sh -c SCRIPT", whatever the other options.
func shellScript(words []string) (script string, ok bool) {
	if len(words) < 3 || !slices.Contains([]string{"sh", "bash", "dash"}, path.Base(words[0])) {
		return "", false
	}
	last := len(words) - 1
	for i, w := range words[1:last] {
		if strings.HasPrefix(w, "-") && !strings.HasPrefix(w, "--") && strings.HasSuffix(w, "c") {
			return words[i+2], true
		}
	}
	return "", false
}

// Programs returns the names of the programs that a script runs, without their directories,
// as far as its text shows; scripts in words, as in sh -c 'npm ci', are read too.
func Programs(script string) []string { return programs(script, 3) }

func programs(script string, depth int) []string {
	var names []string
	for _, words := range commands(script) {
		words = skipPrefixes(words)
		for i, word := range words {
			if i == 0 {
				names = append(names, path.Base(word))
			} else if depth > 0 && strings.ContainsAny(word, " \t\n") {
				names = append(names, programs(word, depth-1)...)
			}
		}
	}
	return names
}

// skipPrefixes drops what may stand before the name of a command: keywords, assignments
// and programs that run another one, with their options.
func skipPrefixes(words []string) []string {
	runner := false
	for len(words) > 0 {
		switch w := words[0]; w {
		case "if", "then", "else", "elif", "while", "until", "do", "{", "!", "time", "exec", "command":
		case "env", "nice", "nohup", "ionice", "timeout", "stdbuf", "sudo", "xargs":
			runner = true
		default:
			option := runner && strings.Trim(w[:min(len(w), 1)], "-0123456789") == ""
			if name, _, ok := strings.Cut(w, "="); !option && (!ok || strings.ContainsAny(name, "/.-")) {
				return words
			}
		}
		words = words[1:]
	}
	return nil
}

// commands splits a script into its commands, each a list of words without their quotes.
func commands(script string) [][]string {
	var (
		all   [][]string
		words []string
		word  strings.Builder
		open  bool // a word has begun
	)
	endWord := func() {
		if open {
			words = append(words, word.String())
		}
		word.Reset()
		open = false
	}
	endCommand := func() {
		endWord()
		if len(words) > 0 {
			all = append(all, words)
		}
		words = nil
	}
	for i := 0; i < len(script); i++ {
		switch c := script[i]; {
		case c == '\\' && i+1 < len(script):
			if i++; script[i] != '\n' {
				word.WriteByte(script[i])
				open = true
			}
		case c == '\'' || c == '"':
			n := strings.IndexByte(script[i+1:], c)
			if n < 0 {
				n = len(script) - i - 1
			}
			word.WriteString(script[i+1 : i+1+n])
			open, i = true, i+1+n
		case c == '#' && !open:
			n := strings.IndexByte(script[i:], '\n')
			if n < 0 {
				n = len(script) - i
			}
			i += n - 1
		case strings.IndexByte(" \t\r", c) >= 0:
			endWord()
		case strings.IndexByte("\n;&|()`", c) >= 0:
			endCommand()
		default:
			word.WriteByte(c)
			open = true
		}
	}
	endCommand()
	return all
}
