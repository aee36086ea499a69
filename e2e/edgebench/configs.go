package main

// The peers' configurations: no access log, connections to the backend kept alive, as
// many workers as there are processors, HTTP/1.1 and 2 towards clients, and the headers about
// the client that Sluice sets, too. Words in braces are filled in by lab.configured.

const nginxConfig = `
daemon off;
user root;
worker_processes auto;
pid ${dir}/nginx.pid;
events { worker_connections 16384; multi_accept on; }
http {
    access_log off;
    sendfile on;
    keepalive_requests 10000000;
    http2_max_requests 10000000;
    client_body_temp_path ${dir}/body;
    proxy_temp_path ${dir}/proxy;
    fastcgi_temp_path ${dir}/fastcgi;
    uwsgi_temp_path ${dir}/uwsgi;
    scgi_temp_path ${dir}/scgi;
    proxy_cache_path ${dir}/cache levels=1:2 keys_zone=bench:10m max_size=256m inactive=60m use_temp_path=off;
    open_file_cache max=1000 inactive=60s;
    upstream app { server ${backend}; keepalive 256; keepalive_requests 10000000; }
    server {
        listen ${plain};
        listen ${secure} ssl http2;
        ssl_certificate ${cert};
        ssl_certificate_key ${key};
        server_name ${host};
        proxy_http_version 1.1;
        proxy_set_header Connection "";
        proxy_set_header Host $host;
        proxy_set_header X-Forwarded-For $remote_addr;
        proxy_set_header X-Forwarded-Host $http_host;
        proxy_set_header X-Forwarded-Proto $scheme;
        proxy_buffers 16 16k;
        location / { proxy_pass http://app; }
        location /cached/ { proxy_cache bench; proxy_cache_lock on; add_header X-Cache $upstream_cache_status; proxy_pass http://app; }
    }
}
`

const haproxyConfig = `
global
    maxconn 4000
    ssl-default-bind-options ssl-min-ver TLSv1.2
defaults
    mode http
    timeout connect 5s
    timeout client 75s
    timeout server 600s
    option forwardfor
    http-reuse safe
cache bench
    total-max-size 64
    max-object-size 1000000
    max-age 3600
frontend site
    bind ${plain}
    bind ${secure} ssl crt ${pem} alpn h2,http/1.1
    http-request set-header X-Forwarded-Host %[req.hdr(host)]
    http-request set-header X-Forwarded-Proto https if { ssl_fc }
    http-request set-header X-Forwarded-Proto http if !{ ssl_fc }
    acl cached path_beg /cached/
    http-request cache-use bench if cached
    http-response cache-store bench
    default_backend app
backend app
    server app1 ${backend} maxconn 1024
`

const caddyConfig = `
{
    admin off
    auto_https off
    log {
        level ERROR
    }
    servers {
        protocols h1 h2
    }
}
http://${host}:${plainport} {
    bind 127.0.0.1
    reverse_proxy ${backend} {
        transport http {
            compression off
            keepalive 30s
            keepalive_idle_conns_per_host 256
        }
    }
}
https://${host}:${secureport} {
    bind 127.0.0.1
    tls ${cert} ${key}
    reverse_proxy ${backend} {
        transport http {
            compression off
            keepalive 30s
            keepalive_idle_conns_per_host 256
        }
    }
}
`
