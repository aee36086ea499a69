package httpapi

import (
	"bytes"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"sluice/internal/platform"
)

// SSH says where users reach the SSH gateway. The zero SSH means that there is none.
type SSH struct {
	Host    string // with :PORT unless that is 22
	GitHost string // the same for repositories
	HostKey string // public, in the format of authorized_keys
}

// host returns a host without its port.
func host(address string) string {
	if name, _, err := net.SplitHostPort(address); err == nil {
		return name
	}
	return address
}

// The configuration of a stock client. Its keys are the client's.
type (
	clientConfig struct {
		Application *clientApplication `yaml:"application,omitempty"`
		Service     *clientService     `yaml:"service,omitempty"`
		API         clientAPI          `yaml:"api"`
		SSH         clientSSH          `yaml:"ssh"`
		Detection   clientDetection    `yaml:"detection"`
		Updates     *clientUpdates     `yaml:"updates,omitempty"`
	}
	clientApplication struct {
		Name             string   `yaml:"name,omitempty"`
		Slug             string   `yaml:"slug,omitempty"`
		Executable       string   `yaml:"executable,omitempty"`
		EnvPrefix        string   `yaml:"env_prefix,omitempty"`
		UserConfigDir    string   `yaml:"user_config_dir,omitempty"`
		DisabledCommands []string `yaml:"disabled_commands"`
	}
	clientService struct {
		Name             string `yaml:"name"`
		EnvPrefix        string `yaml:"env_prefix"`
		ProjectConfigDir string `yaml:"project_config_dir"`
		AppConfigFile    string `yaml:"app_config_file"`
	}
	clientAPI struct {
		BaseURL          string `yaml:"base_url"`
		AuthURL          string `yaml:"auth_url"`
		OAuth2AuthURL    string `yaml:"oauth2_auth_url"`
		OAuth2TokenURL   string `yaml:"oauth2_token_url"`
		OAuth2RevokeURL  string `yaml:"oauth2_revoke_url"`
		CertifierURL     string `yaml:"certifier_url"`
		OAuth2ClientID   string `yaml:"oauth2_client_id,omitempty"`
		Organizations    bool   `yaml:"organizations"`
		UserVerification bool   `yaml:"user_verification"`
		Metrics          bool   `yaml:"metrics"`
		Teams            bool   `yaml:"teams"`
		Sizing           bool   `yaml:"sizing"`
	}
	clientSSH struct {
		DomainWildcards []string `yaml:"domain_wildcards"`
		HostKeysFile    string   `yaml:"host_keys_file"` // empty: not the vendor's keys
		HostKeys        []string `yaml:"host_keys"`
		Options         []string `yaml:"options,omitempty"`
	}
	clientDetection struct {
		GitRemoteName string   `yaml:"git_remote_name,omitempty"`
		GitDomain     string   `yaml:"git_domain"`
		SiteDomains   []string `yaml:"site_domains"`
	}
	clientUpdates struct {
		Check bool `yaml:"check"`
	}
)

// The files that can be had: one for a client of its own, and one that leads a client of another
// brand here and leaves the rest of it as it is.
const (
	ownClient   = "config.yaml"
	brandClient = "brand.yaml"
)

// clientConfiguration serves the file that leads stock clients to this installation. It tells
// nothing that needs a token.
func (a *api) clientConfiguration(w http.ResponseWriter, r *http.Request) error {
	c := a.clientConfig()
	switch name := r.PathValue("file"); name {
	case ownClient:
	case brandClient:
		c.Application = &clientApplication{DisabledCommands: c.Application.DisabledCommands}
		c.Service, c.Detection.GitRemoteName, c.API.OAuth2ClientID = nil, "", ""
		c.Updates = &clientUpdates{} // or the client replaces itself by the vendor's next version
	default:
		return platform.Errorf(platform.CodeNotFound, "there is no client configuration %q", name).
			WithHint("%s is for a client of its own, %s for one of another brand", ownClient, brandClient)
	}
	var out bytes.Buffer
	enc := yaml.NewEncoder(&out)
	enc.SetIndent(2)
	if err := enc.Encode(c); err != nil {
		return fmt.Errorf("encode client configuration: %w", err)
	}
	w.Header().Set("Content-Type", "application/yaml")
	_, _ = w.Write(out.Bytes())
	return nil
}

func (a *api) clientConfig() clientConfig {
	base := strings.TrimRight(a.cfg.PublicURL, "/")
	c := clientConfig{
		Application: &clientApplication{
			Name: "Sluice CLI", Slug: "sluice-cli", Executable: "sluice-cli", EnvPrefix: "SLUICE_CLI_", UserConfigDir: ".sluice-cli",
			// What there is no server for, and what would replace the client by the vendor's.
			DisabledCommands: []string{
				"self:update", "self:install", "project:create", "project:delete", "subscription:info", "console",
				"environment:deploy", "environment:deploy:type",
			},
		},
		Service: &clientService{Name: "Sluice", EnvPrefix: "MAGENTO_CLOUD_", ProjectConfigDir: ".magento", AppConfigFile: ".magento.app.yaml"},
		API: clientAPI{
			BaseURL: base, AuthURL: base, OAuth2AuthURL: base + "/oauth2/authorize", OAuth2TokenURL: base + "/oauth2/token",
			OAuth2RevokeURL: base + "/oauth2/revoke", CertifierURL: base, OAuth2ClientID: "sluice-cli",
		},
		SSH:       clientSSH{DomainWildcards: []string{}, HostKeys: []string{}},
		Detection: clientDetection{GitRemoteName: "sluice", SiteDomains: []string{a.cfg.BaseDomain}},
	}
	if a.cfg.SSH.Host == "" {
		c.SSH.DomainWildcards = []string{"*." + hostOfURL(base)} // clients insist on one
		c.Detection.GitDomain = hostOfURL(base)
		return c
	}
	for _, address := range []string{a.cfg.SSH.Host, a.cfg.SSH.GitHost} {
		name := host(address)
		wildcard := name
		if _, domain, ok := strings.Cut(name, "."); ok && net.ParseIP(name) == nil {
			wildcard = "*." + domain
		}
		if !slices.Contains(c.SSH.DomainWildcards, wildcard) {
			c.SSH.DomainWildcards = append(c.SSH.DomainWildcards, wildcard)
		}
		known := name
		if _, port, err := net.SplitHostPort(address); err == nil {
			known = "[" + name + "]:" + port
			c.SSH.Options = []string{"Port " + port} // clients drop the port of a link
		}
		if line := known + " " + strings.TrimSpace(a.cfg.SSH.HostKey); !slices.Contains(c.SSH.HostKeys, line) {
			c.SSH.HostKeys = append(c.SSH.HostKeys, line)
		}
		c.Detection.GitDomain = strings.TrimPrefix(name, "git.")
	}
	return c
}

func hostOfURL(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return ""
	}
	return u.Hostname()
}
