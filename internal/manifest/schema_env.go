package manifest

import (
	"fmt"
	"slices"
	"strings"
)

const envFile = ".magento.env.yaml"

// envSchema is .magento.env.yaml.
func envSchema() *shape {
	var inStage []property
	for _, stage := range stages() {
		inStage = append(inStage, property{key: stage, shape: stageSchema(stage), doc: "Variables of this stage."})
	}
	stage := object(inStage...)
	stage.custom = checkStages
	root := object(
		property{key: "stage", shape: stage, doc: "Variables by stage; a stage's own value wins over the global one."},
		property{key: "log", shape: logSchema(), doc: "Where messages go, besides the log file and the activity."},
		property{key: "system", shape: object(property{key: "variables", shape: object(
			property{key: "ENV_RELATIONSHIPS", shape: text(), fallback: "MAGENTO_CLOUD_RELATIONSHIPS", doc: "Name of a variable."},
			property{key: "ENV_ROUTES", shape: text(), fallback: "MAGENTO_CLOUD_ROUTES", doc: "Name of a variable."},
			property{key: "ENV_VARIABLES", shape: text(), fallback: "MAGENTO_CLOUD_VARIABLES", doc: "Name of a variable."},
			property{key: "ENV_APPLICATION", shape: text(), fallback: "MAGENTO_CLOUD_APPLICATION", doc: "Name of a variable."},
			property{key: "ENV_ENVIRONMENT", shape: text(), fallback: "MAGENTO_CLOUD_ENVIRONMENT", doc: "Name of a variable."},
		), doc: "The names under which the platform's variables are read."}).lax(unread), doc: "Settings of the toolkit itself."},
	).lax(unread)
	root.homes = map[string]string{}
	for _, name := range stages() {
		root.homes[name] = "stage"
	}
	return root
}

// stageSchema describes the variables of a stage for the reference and the JSON Schema;
// checkStages checks them, with the messages that users know.
func stageSchema(stage string) *shape {
	var props []property
	for _, v := range StageVariables() {
		if v.In(stage) {
			props = append(props, property{key: v.Name, shape: v.shape(), doc: v.Doc, fallback: printed(v.DefaultFor(stage)), status: v.Status, note: v.Note})
		}
	}
	return object(props...)
}

func (v StageVariable) shape() *shape {
	switch {
	case v.Type == TypeBoolean:
		return boolean()
	case v.Type == TypeInteger && v.Range != nil:
		return between(v.Range[0], v.Range[1])
	case v.Type == TypeInteger:
		return &shape{kinds: kindInt}
	case v.Type == TypeArray:
		return v.arrayShape()
	case len(v.Allowed) > 0:
		return oneOf(slices.Concat([]string{""}, v.Allowed, v.Also)...)
	default:
		return text()
	}
}

// arrayShape is what is known of a variable's map or list.
func (v StageVariable) arrayShape() *shape {
	switch {
	case v.Name == "CRON_CONSUMERS_RUNNER":
		return consumersSchema()
	case v.Name == "SCD_MATRIX":
		return matrixSchema()
	case v.Name == "QUALITY_PATCHES" || v.Name == "WARM_UP_PAGES" || v.Name == "TTFB_TESTED_PAGES":
		return listOf(scalar())
	case len(v.Allowed) > 0:
		return listOf(oneOf(v.Allowed...))
	case v.Merge:
		return object(property{key: "_merge", shape: boolean(), fallback: "false", doc: "Changes only the given keys."}).lax("it is passed on").or(listOf(anything()))
	default:
		return &shape{kinds: kindMap | kindList}
	}
}

func printed(v any) string {
	if v == nil {
		return ""
	}
	return strings.ReplaceAll(fmt.Sprint(v), "map[]", "{}")
}

// checkStages checks every variable of every stage; the first rule that fails counts.
func checkStages(c *checker, n *node, path string) {
	variables := stageTable()
	for _, stage := range n.entries {
		at := below(path, stage.key)
		if !slices.Contains(stages(), stage.key) {
			c.fail(stage.pos, "unknown-stage", "unknown stage "+show(stage.key), "its variables would not be read", didYouMean(stage.key, stages()))
			continue
		}
		if !stage.value.given() {
			continue
		}
		if !stage.value.isMap() {
			c.fail(stage.value.pos, "wrong-type", fmt.Sprintf("%s must be a map, not %s", at, stage.value.describe()), "", "write variables below it")
			continue
		}
		for _, e := range stage.value.entries {
			if !e.twice {
				c.stageVariable(variables, stage.key, e)
			}
		}
	}
	c.onDemand(n)
}

func (c *checker) stageVariable(variables []StageVariable, stage string, e entry) {
	i := slices.IndexFunc(variables, func(v StageVariable) bool { return v.Name == e.key })
	if i < 0 {
		c.unknownVariable(variables, stage, e)
		return
	}
	v := variables[i]
	switch {
	case !e.value.given():
		c.warn(e.pos, "empty-variable", fmt.Sprintf("The %s variable has no value.", v.Name), "", "write a value or remove the line")
	case !v.Type.accepts(e.value):
		c.fail(e.value.pos, "wrong-type", fmt.Sprintf("The %s variable contains an invalid value of type %s. Use the following type: %s.", v.Name, typeName(e.value), v.Type), "", v.typeFix(e.value))
	case !v.In(stage):
		c.fail(e.pos, "wrong-stage", fmt.Sprintf("The %s variable is not supposed to be in stage %s. Move it to one of the possible stages: %s.", v.Name, stage, strings.Join(v.Stages, ", ")), "", "")
	case v.Status == StatusIgnored:
		c.notice(e.pos, "ignored-key", v.Name+" has no effect here", v.Note, "")
	default:
		c.stageValue(v, e.value)
	}
}

// unknownVariable names the variable that was meant, or what took its place.
func (c *checker) unknownVariable(variables []StageVariable, stage string, e entry) {
	message := fmt.Sprintf("The %s variable is not allowed in configuration.", clip(e.key, 60))
	if successor, ok := formerVariables()[e.key]; ok {
		c.warn(e.pos, "former-variable", message, "it has no effect any more", successor)
		return
	}
	if slices.Contains(stages(), e.key) {
		c.fail(e.pos, "misplaced-stage", fmt.Sprintf("stage %s is inside stage %s", e.key, stage), "", "check the indentation")
		return
	}
	names := make([]string, 0, len(variables))
	for _, v := range variables {
		names = append(names, v.Name)
	}
	c.fail(e.pos, "unknown-variable", message, "", didYouMean(e.key, names))
}

func (c *checker) stageValue(v StageVariable, n *node) {
	if number, ok := n.num(); ok && v.Range != nil && (number < v.Range[0] || number > v.Range[1]) {
		c.fail(n.pos, "out-of-range", fmt.Sprintf("The %s variable contains an invalid value %d. Use an integer value from %d to %d.", v.Name, number, v.Range[0], v.Range[1]), "", "")
	}
	switch {
	case v.Name == "SPLIT_DB":
		for _, item := range n.list() {
			if !slices.Contains(v.Allowed, item.str()) {
				c.fail(item.pos, "unknown-value", "The SPLIT_DB variable contains the invalid value. It should be an array with following values: [quote, sales].", "", "")
			}
		}
	case len(v.Allowed) > 0 && n.text != "" && !slices.Contains(v.Allowed, n.text) && !slices.Contains(v.Also, n.text):
		c.fail(n.pos, "unknown-value", fmt.Sprintf("The %s variable contains an invalid value %s. Use one of the available value options: %s.", v.Name, clip(n.text, 60), strings.Join(v.Allowed, ", ")), "", closestOnly(n.text, v.Allowed))
	case v.Name == "X_FRAME_CONFIGURATION":
		c.frameOptions(n)
	case v.Name == "CRYPT_KEY":
		c.warn(n.pos, "committed-secret", "CRYPT_KEY is in the repository", "everyone who can read it can decrypt the shop's data", "set it as a sensitive variable of the environment")
	case v.Type == TypeArray:
		c.configuration(v, n)
	}
}

// frameOptions warns about a header that browsers do not know.
func (c *checker) frameOptions(n *node) {
	known := []string{"DENY", "SAMEORIGIN"}
	switch word, _, _ := strings.Cut(n.text, " "); {
	case n.text == "" || slices.Contains(known, n.text):
	case word == "ALLOW-FROM":
		c.warn(n.pos, "former-value", "X_FRAME_CONFIGURATION is ALLOW-FROM", "browsers ignore it and allow every frame", "set a Content-Security-Policy with frame-ancestors")
	default:
		c.warn(n.pos, "unknown-value", "X_FRAME_CONFIGURATION is "+show(n.text), "browsers ignore what they do not know and allow every frame", didYouMean(n.text, known))
	}
}

// configuration checks what is known about the maps that end up in env.php.
func (c *checker) configuration(v StageVariable, n *node) {
	merge := n.get("_merge")
	if _, ok := merge.truth(); merge.given() && (!ok || merge.kind != kindBool) {
		c.fail(merge.pos, "wrong-type", fmt.Sprintf("%s._merge must be a boolean, not %s", v.Name, merge.describe()), "", "write true or false")
	}
	if merge.given() && !v.Merge {
		c.notice(n.find("_merge").pos, "ignored-key", v.Name+"._merge has no effect here", "this variable always replaces the default", "")
	}
	c.variablesInside(v.Name, n)
	c.secrets(n, v.Name, "set env:"+v.Name+" as a sensitive variable of the environment")
	if s := configurationShape(v.Name); s != nil && n.isMap() {
		c.matches(n, s, v.Name)
	}
	switch v.Name {
	case "SEARCH_CONFIGURATION":
		c.requireUnlessMerged(v.Name, n, "engine")
		c.searchEngine(n)
	case "SESSION_CONFIGURATION":
		c.requireUnlessMerged(v.Name, n, "save")
	case "CRON_CONSUMERS_RUNNER":
		c.matches(n, consumersSchema(), v.Name)
	case "QUALITY_PATCHES", "WARM_UP_PAGES", "TTFB_TESTED_PAGES":
		c.matches(n, listOf(scalar()), v.Name)
		if v.Name == "WARM_UP_PAGES" {
			checkPages(c, n, v.Name)
		}
	case "SCD_MATRIX":
		c.matches(n, matrixSchema(), v.Name)
		checkMatrix(c, n, v.Name)
	}
}

func (c *checker) requireUnlessMerged(name string, n *node, key string) {
	if merge, _ := n.get("_merge").truth(); merge || n.get(key).given() || !n.isMap() || len(n.entries) == 0 {
		return
	}
	c.warn(n.pos, "missing-key", fmt.Sprintf("%s has no %q", name, key), "the deployment would refuse or ignore it", fmt.Sprintf("add %s, or \"_merge: true\" to change only some values", key))
}

func consumersSchema() *shape {
	return object(
		property{key: "cron_run", shape: boolean()},
		property{key: "max_messages", shape: integer(0)},
		property{key: "consumers", shape: listOf(scalar())},
		property{key: "multiple_processes", shape: mapOf("consumer", integer(0)).or(listOf(anything()))},
		property{key: "only_spawn_when_message_available", shape: boolean()},
		property{key: "_merge", shape: boolean()},
	).lax(unread).or(listOf(anything()))
}

func matrixSchema() *shape {
	return mapOf("theme", object(property{key: "language", shape: listOf(scalar())}).lax(unread).or(listOf(scalar())).or(scalar())).or(listOf(anything()))
}

// logSchema are the log handlers.
func logSchema() *shape {
	level := property{key: "min_level", shape: formatted(levelFormat()), doc: "The least level: " + strings.Join(LogLevels(), ", ") + "."}
	word := func(key, fallback, doc string) property {
		return property{key: key, shape: scalar(), fallback: fallback, doc: doc}
	}
	transport := func(extra property) *shape {
		return object(word("host", "", "Host name."), word("port", "", "Port."), extra)
	}
	timeout := property{key: "connection_timeout", shape: integer(0), fallback: "60", doc: "Seconds."}
	http := transport(timeout)
	http.props = append(http.props, word("path", "", "Path of the URL."))
	return object(
		property{key: "slack", shape: object(word("token", "", "A user's token."), word("channel", "general", "The channel."), word("username", "Slack Log Notifier", "The sender."), level).lax(unread), doc: "Messages in Slack."},
		property{key: "email", shape: object(property{key: "to", shape: text().or(listOf(text())), doc: "Receivers."}, word("from", "", "Sender."), word("subject", "Log from Magento Cloud", "Subject."), level).lax(unread), doc: "Mail, in the deploy phase."},
		property{key: "syslog", shape: object(word("ident", "", "Program name."), word("facility", "8", "Facility."), word("logopts", "", "Options."), level).lax(unread), doc: "The local syslog."},
		property{key: "syslog_udp", shape: object(word("host", "", "Host name."), word("port", "", "Port."), word("facility", "", "Facility."), word("ident", "php", "Program name."), level).lax(unread), doc: "A remote syslog."},
		property{key: "gelf", shape: object(
			level,
			property{key: "use_default_formatter", shape: boolean(), doc: "Plain messages."},
			property{key: "additional", shape: freeForm(), doc: "Fields added to every message."},
			property{key: "transport", shape: object(
				property{key: "http", shape: http, doc: "Over HTTP."},
				property{key: "tcp", shape: transport(timeout), doc: "Over TCP."},
				property{key: "udp", shape: transport(property{key: "chunk_size", shape: integer(1), fallback: "1024", doc: "Bytes."}), doc: "Over UDP."},
			), doc: "The way to the server."},
		).lax(unread), doc: "A Graylog server."},
		property{key: "file", shape: freeForm(), status: StatusIgnored, note: "the file var/log/cloud.log is always written", doc: "The log file."},
		property{key: "file_errors", shape: freeForm(), status: StatusIgnored, note: "the file var/log/cloud.error.log is always written", doc: "The log file of errors."},
		property{key: "stream", shape: freeForm(), status: StatusIgnored, note: "messages always go to the activity's log", doc: "The console."},
	).lax(unread)
}

// levelFormat is the name of a log level, in any case.
func levelFormat() *format {
	return &format{name: "log level", pattern: `^[A-Za-z]+$`, wrong: func(s string) (why, fix string) {
		if !slices.Contains(LogLevels(), strings.ToLower(s)) {
			return "there is no such level", didYouMean(s, LogLevels())
		}
		return "", ""
	}}
}

func (t VariableType) accepts(n *node) bool { return string(t) == typeName(n) }

func (v StageVariable) typeFix(n *node) string {
	switch flag := n.flag(); {
	case v.Type == TypeBoolean && flag != nil:
		return fmt.Sprintf("write %t without quotes", *flag)
	case v.Type == TypeInteger && n.kind == kindText:
		if _, ok := n.num(); ok {
			return "write " + n.text + " without quotes"
		}
	case v.Type == TypeString && n.kind&kindScalar != 0:
		return fmt.Sprintf("write %q in quotes", n.text)
	}
	return ""
}

// typeName is the kind of a value in the words of the toolkit's messages.
func typeName(n *node) string {
	switch n.kind {
	case kindBool:
		return "boolean"
	case kindInt:
		return "integer"
	case kindFloat:
		return "double"
	case kindText:
		return "string"
	case kindNull:
		return "NULL"
	default:
		return "array"
	}
}
