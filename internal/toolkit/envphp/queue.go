package envphp

import (
	"cmp"

	"sluice/internal/toolkit/phparray"
	"sluice/internal/toolkit/services"
)

// Queue makes the queue section. It returns nil when the section is to
// be removed, which only Magento before 2.2 needs; current is the section of env.php.
func Queue(in Input, current *phparray.Array) (*phparray.Array, []Note) {
	section := phparray.Merge(brokers(in), in.Variables.Queue)
	if in.Magento.AtLeast("2.2") {
		section.Set("consumers_wait_for_messages", number(in.Variables.WaitForMessages))
	}
	switch {
	case section.Len() > 0:
		return section, []Note{info("Updating env.php AMQP configuration.")}
	case current != nil:
		return nil, []Note{info("Removing queue configuration from env.php.")}
	}
	return nil, nil
}

// brokers are the connections to ActiveMQ, which wins, or RabbitMQ.
func brokers(in Input) *phparray.Array {
	if e := services.ActiveMQ(in.Relationships); e.Exists() {
		return phparray.Map(
			"stomp", phparray.Map("host", e.Host(), "port", e.Get("port"), "user", e.Text("username"), "password", e.Text("password")),
			"default_connection", "stomp",
		)
	}
	e := services.Rabbit(in.Relationships)
	if !e.Exists() {
		return phparray.New()
	}
	return phparray.Map("amqp", phparray.Map(
		"host", e.Host(), "port", e.Get("port"), "user", e.Text("username"), "password", e.Text("password"),
		"virtualhost", cmp.Or(e.Text("vhost"), "/"),
	))
}

func number(b bool) int {
	if b {
		return 1
	}
	return 0
}
