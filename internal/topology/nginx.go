package topology

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"sluice/internal/contract"
	"sluice/internal/manifest"
)

// nginxConfig writes the web server's configuration from web.locations. Each location
// becomes
//
//	location P/ {
//	    <root>
//	    location ~ /\.       { return 403; }     dotfiles are never served
//	    location ~ "<rule>"  { <handlers> }      rules in file order
//	    location ~ \.php$    { <script> }        the location's own settings
//	    location ~ ^         { <static> }
//	}
//
// and each passthru a named location, which rewrites and looks the target up again. A
// rule's captures are obtained by matching its expression a second time in that rewrite, since
// nested locations overwrite $1.
func nginxConfig(app *manifest.Application) string {
	n := &nginx{app: app, up: upstreamOf(app)}
	n.write(nginxHead, "\n")
	n.line(1, "set_real_ip_from %s;", contract.RouterSource)
	n.line(1, "real_ip_header X-Forwarded-For;")
	n.line(1, "server {")
	n.line(2, "listen %d default_server backlog=4096;", contract.WebPort)
	n.line(2, "client_max_body_size %d;", maxBody(app))
	n.line(2, "set $sluice_target \"\";")
	n.line(2, "location = %s { access_log off; return 200; }", contract.ReadyPath)
	n.errorPages()
	for i := range app.Web.Locations {
		n.location(&app.Web.Locations[i])
	}
	if len(app.Web.Locations) == 0 {
		n.line(2, "location / { return 404; }")
	}
	n.write(n.named.String())
	n.line(1, "}")
	n.write("}\n")
	return n.out.String()
}

const nginxHead = `# Generated from web.locations.
pid /run/nginx.pid;
error_log /var/log/error.log warn;
worker_processes 2;
events { worker_connections 4096; }
http {
    include /etc/nginx/mime.types;
    default_type application/octet-stream;
    log_format main '$remote_addr - [$time_iso8601] "$request" $status $body_bytes_sent $request_time';
    access_log /var/log/access.log main buffer=32k flush=1s;
    client_body_temp_path /tmp/nginx-body;
    proxy_temp_path /tmp/nginx-proxy;
    fastcgi_temp_path /tmp/nginx-fastcgi;
    uwsgi_temp_path /tmp/nginx-uwsgi;
    scgi_temp_path /tmp/nginx-scgi;
    sendfile on;
    tcp_nopush on;
    keepalive_timeout 75s;
    keepalive_requests 100000;
    server_tokens off;
    absolute_redirect off;
    gzip_vary on;
    gzip_types application/javascript application/json application/pdf application/postscript application/xml image/svg+xml text/css text/csv text/javascript text/plain text/xml;
    map $http_x_forwarded_proto $sluice_https { https on; default ""; }
    map $http_x_forwarded_proto $sluice_scheme { https https; default http; }
    map $http_x_forwarded_proto $sluice_port { https 443; default 80; }
    map $http_upgrade $sluice_connection { "" ""; default upgrade; }
    map $http_origin $sluice_origin { "" "*"; default $http_origin; }`

// nginx collects one configuration.
type nginx struct {
	app   *manifest.Application
	up    upstream
	out   strings.Builder
	named strings.Builder // named locations, written after the others
	count int             // of named locations
}

func (n *nginx) write(s ...string) {
	for _, x := range s {
		n.out.WriteString(x)
	}
}

func (n *nginx) line(indent int, format string, args ...any) {
	n.write(strings.Repeat("    ", indent), fmt.Sprintf(format, args...), "\n")
}

// location writes one prefix location with its rules.
func (n *nginx) location(l *manifest.Location) {
	path := strings.TrimRight(l.Path, "/")
	if path != "" {
		n.line(2, "location = %s { rewrite ^ %s last; }", quoteNginx(path), quoteNginx(path+"/"))
	}
	n.line(2, "location %s {", quoteNginx(path+"/"))
	if l.Root != "" {
		n.root(path, l.Root)
	}
	n.line(3, `location ~ "/\\.(?!well-known(/|$))" { return 403; }`)
	for _, dir := range n.app.ScriptlessDirs(l) {
		n.line(3, `location ~ %s { return 403; }`, quoteNginx("^"+regexp.QuoteMeta(path+"/"+dir+"/")+`.*\.php$`))
	}
	for i := range l.Rules {
		r := &l.Rules[i]
		h := n.handler(l, overlay(l.LocationRule, r.LocationRule), l.Index, r.Pattern)
		n.line(3, "location ~ %s {", quoteNginx(r.Pattern))
		n.handlers(4, h)
		n.line(3, "}")
	}
	n.handlers(3, n.handler(l, l.LocationRule, l.Index, ""))
	n.line(2, "}")
}

// root strips the location's prefix: the file for a path is found below the location's
// root without that prefix.
func (n *nginx) root(path, root string) {
	dir := joinApp(root)
	if parent, ok := strings.CutSuffix(dir, path); ok {
		n.line(3, "root %s;", quoteNginx(parent))
		return
	}
	n.line(3, "alias %s;", quoteNginx(dir+"/"))
}

// handler is how requests of one location or rule are handled.
type handler struct {
	served   bool // the location has a root
	allow    bool
	scripts  bool
	expires  int64 // seconds; negative: no caching headers
	headers  map[string]string
	index    []string
	fallback string // for missing or disallowed files: "=404", "=403" or a named location
	stream   bool   // request buffering is off
}

func (n *nginx) handler(l *manifest.Location, r manifest.LocationRule, index []string, pattern string) handler {
	h := handler{served: l.Root != "", allow: true, scripts: n.app.ScriptsByDefault(l), expires: -1, headers: r.Headers, index: index, stream: !l.RequestBuffering.Enabled}
	if r.Allow != nil {
		h.allow = *r.Allow
	}
	if r.Scripts != nil {
		h.scripts = *r.Scripts
	}
	if r.Expires != nil && *r.Expires >= 0 {
		h.expires = int64(r.Expires.Seconds())
	}
	h.fallback = n.fallback(r, h.allow, h.stream, pattern)
	return h
}

// fallback returns what handles a request when no file may be sent: a status, or a named
// location that rewrites to the passthru and looks that up again. A target may lead to
// another location's passthru (Magento's versioned static files do), but not for ever.
func (n *nginx) fallback(r manifest.LocationRule, allow, stream bool, pattern string) string {
	if r.Passthru == nil || *r.Passthru == "" {
		if allow {
			return "=404"
		}
		return "=403"
	}
	target := *r.Passthru
	if target == "/" && !n.up.http {
		target = "/index.php"
	}
	if pattern == "" {
		pattern = "^"
	}
	n.count++
	name := "@f" + strconv.Itoa(n.count)
	fmt.Fprintf(&n.named, "        location %s {\n", name)
	if n.up.http {
		if target != "/" {
			fmt.Fprintf(&n.named, "            rewrite %s %s break;\n", quoteNginx(pattern), quoteNginx(target))
		}
		n.named.WriteString(n.proxy(stream) + "        }\n")
		return name
	}
	fmt.Fprintf(&n.named, "            set $sluice_target \"${sluice_target}x\";\n")
	fmt.Fprintf(&n.named, "            if ($sluice_target = xxxx) { return 404; }\n")
	fmt.Fprintf(&n.named, "            rewrite %s %s last;\n            return 404;\n        }\n", quoteNginx(pattern), quoteNginx(target))
	return name
}

// handlers writes the script and the static part.
func (n *nginx) handlers(indent int, h handler) {
	if !h.served {
		n.line(indent, "try_files /.none %s;", h.fallback)
		return
	}
	n.line(indent, `location ~ "\\.php$" {`)
	n.script(indent+1, h)
	n.line(indent, "}")
	n.line(indent, "location ~ ^ {")
	n.static(indent+1, h)
	n.line(indent, "}")
}

// script runs a PHP file. Where scripts are off, a file is run only as the target of a
// passthru and never sent as source.
func (n *nginx) script(indent int, h handler) {
	if n.up.http {
		n.line(indent, "try_files /.none %s;", h.fallback)
		return
	}
	if !h.scripts {
		n.line(indent, `if ($sluice_target = "") { return 403; }`)
	}
	n.line(indent, "try_files $uri %s;", h.fallback)
	n.line(indent, "include /etc/nginx/fastcgi_params;")
	n.line(indent, "fastcgi_param SCRIPT_FILENAME $request_filename;")
	n.line(indent, "fastcgi_param SCRIPT_NAME $uri;")
	n.line(indent, "fastcgi_param HTTPS $sluice_https if_not_empty;")
	n.line(indent, "fastcgi_param SERVER_PORT $sluice_port;")
	n.line(indent, "fastcgi_param SERVER_NAME $host;")
	// Debian's file has $host, which lacks the port, as a precaution against requests whose
	// target and Host differ; the router sends none.
	n.line(indent, "fastcgi_param HTTP_HOST $http_host;")
	n.line(indent, "fastcgi_param REQUEST_SCHEME $sluice_scheme;")
	n.line(indent, `fastcgi_param HTTP_PROXY "";`)
	n.line(indent, "fastcgi_read_timeout 3600s;")
	n.line(indent, "fastcgi_buffers 16 16k;")
	n.line(indent, "fastcgi_buffer_size 64k;")
	if h.stream {
		n.line(indent, "fastcgi_request_buffering off;")
	}
	n.line(indent, "fastcgi_pass %s;", n.up.address())
}

// static sends files, tries the index of directories and falls back.
func (n *nginx) static(indent int, h handler) {
	if len(h.index) > 0 {
		quoted := make([]string, len(h.index))
		for i, name := range h.index {
			quoted[i] = quoteNginx(name)
		}
		n.line(indent, "index %s;", strings.Join(quoted, " "))
	}
	n.caching(indent, h)
	if strings.HasPrefix(h.fallback, "@") {
		n.line(indent, "error_page 403 = %s;", h.fallback)
	}
	candidates := "$uri/"
	if h.allow {
		candidates = "$uri $uri/"
	}
	if len(h.index) == 0 {
		candidates = strings.TrimSuffix(candidates, "$uri/") + "/.none"
	}
	n.line(indent, "try_files %s %s;", candidates, h.fallback)
}

// caching writes expires and headers of static files; a Cache-Control among the headers
// wins over expires.
func (n *nginx) caching(indent int, h handler) {
	own := false
	for _, name := range sortedKeys(h.headers) {
		value := quoteHeader(h.headers[name])
		own = own || strings.EqualFold(name, "Cache-Control")
		if strings.EqualFold(name, "Access-Control-Allow-Origin") && h.headers[name] == "*" {
			value = "$sluice_origin"
			n.line(indent, "add_header Vary Origin;")
		}
		n.line(indent, "add_header %s %s;", quoteNginx(name), value)
	}
	if h.expires >= 0 {
		if !own {
			n.line(indent, "expires %ds;", h.expires)
		}
		n.line(indent, "gzip on;")
	}
	n.line(indent, "gzip_static on;")
}

// overlay returns a rule's settings over its location's.
func overlay(base, over manifest.LocationRule) manifest.LocationRule {
	if over.Passthru != nil {
		base.Passthru = over.Passthru
	}
	if over.Expires != nil {
		base.Expires = over.Expires
	}
	if over.Allow != nil {
		base.Allow = over.Allow
	}
	if over.Scripts != nil {
		base.Scripts = over.Scripts
	}
	if over.Headers != nil {
		base.Headers = over.Headers
	}
	return base
}

// quoteNginx writes one parameter; nothing in it can end the parameter or the line.
func quoteNginx(s string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", " ", "\r", " ").Replace(s) + `"`
}

// quoteHeader also keeps a dollar sign from being read as a variable.
func quoteHeader(s string) string {
	return quoteNginx(strings.ReplaceAll(s, "$", ""))
}

func maxBody(app *manifest.Application) int64 {
	const byDefault = 250 << 20 // of request_buffering.max_request_size
	largest := int64(0)
	for _, l := range app.Web.Locations {
		largest = max(largest, l.RequestBuffering.MaxSize)
	}
	if largest == 0 {
		return byDefault
	}
	return largest
}
