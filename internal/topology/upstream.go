package topology

import (
	"fmt"
	"strconv"

	"sluice/internal/contract"
	"sluice/internal/manifest"
)

// Where an application's own process listens, by web.upstream.
const (
	processPort   = 8888
	processSocket = contract.RunDir + "/app.sock"
	fpmSocket     = contract.RunDir + "/php-fpm.sock"
)

// upstream is how the web server reaches the application's process.
type upstream struct {
	http bool // else FastCGI
	tcp  bool
}

// upstreamOf is FastCGI on a socket for PHP-FPM, whatever web.upstream says, and what it
// says for a start command.
func upstreamOf(app *manifest.Application) upstream {
	if app.Web.Start == "" {
		return upstream{}
	}
	return upstream{http: app.Web.Upstream.Protocol == "http", tcp: app.Web.Upstream.SocketFamily == "tcp"}
}

func (u upstream) socket() string {
	if u.http {
		return processSocket
	}
	return fpmSocket
}

// address is the parameter of fastcgi_pass, or of proxy_pass behind "http://".
func (u upstream) address() string {
	if u.tcp {
		return "127.0.0.1:" + strconv.Itoa(processPort)
	}
	return "unix:" + u.socket()
}

// variable tells the process where to listen.
func (u upstream) variable() (name, value string) {
	if u.tcp {
		return "PORT", strconv.Itoa(processPort)
	}
	return "SOCKET", u.socket()
}

// await is a script that succeeds when the process listens. The web server responds to the
// ready path by itself, and requests that came before the process listens would get a 502.
func (u upstream) await() string {
	listens := "[ -S " + u.socket() + " ]"
	if u.tcp {
		listens = fmt.Sprintf("bash -c 'exec 3<>/dev/tcp/127.0.0.1/%d' 2>/dev/null", processPort)
	}
	name, value := u.variable()
	return "tries=300\nuntil " + listens + "; do\n" +
		"    tries=$((tries - 1))\n" +
		"    [ $tries -gt 0 ] || { echo 'web.commands.start does not listen on $" + name + " (" + value + ")'; exit 1; }\n" +
		"    sleep 0.1\ndone\n"
}

// passesOn reports whether requests reach the process at all. Static sites start one that
// only sleeps.
func passesOn(app *manifest.Application) bool {
	for i := range app.Web.Locations {
		l := &app.Web.Locations[i]
		if l.Passthru != nil && *l.Passthru != "" {
			return true
		}
		for _, r := range l.Rules {
			if r.Passthru != nil && *r.Passthru != "" {
				return true
			}
		}
	}
	return false
}

// proxy writes how a request goes on to a process that speaks HTTP.
func (n *nginx) proxy(stream bool) string {
	out := "            proxy_pass http://" + n.up.address() + ";\n" +
		"            proxy_http_version 1.1;\n" +
		"            proxy_set_header Host $http_host;\n" +
		"            proxy_set_header Upgrade $http_upgrade;\n" +
		"            proxy_set_header Connection $sluice_connection;\n" +
		"            proxy_read_timeout 3600s;\n"
	if stream {
		out += "            proxy_request_buffering off;\n"
	}
	return out
}
