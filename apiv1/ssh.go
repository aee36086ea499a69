package apiv1

import (
	"context"
	"io"
	"net/http"
)

// ClientConfiguration returns the configuration of a command line client for this server,
// as YAML. It says among other things how the SSH gateway is reached: ssh.options and
// ssh.host_keys are lines for OpenSSH.
func (c *Client) ClientConfiguration(ctx context.Context) ([]byte, error) {
	req, err := c.request(ctx, http.MethodGet, "/cli/config.yaml", nil, nil)
	if err != nil {
		return nil, err
	}
	resp, err := c.open(req)
	if err != nil {
		return nil, err
	}
	defer func() { _ = resp.Body.Close() }()
	data, err := io.ReadAll(io.LimitReader(resp.Body, maxResponse))
	if err != nil {
		return nil, &ConnectionError{URL: c.base, Err: err}
	}
	return data, nil
}

// SSHCertificate returns a certificate, in the format of OpenSSH, with which the owner of
// a public key logs in to the SSH gateway as the client's user.
func (c *Client) SSHCertificate(ctx context.Context, key string) (string, error) {
	var out struct {
		Certificate string `json:"certificate"`
	}
	err := c.call(ctx, http.MethodPost, "/ssh", nil, map[string]string{"key": key}, &out)
	return out.Certificate, err
}
