package apiv1

import (
	"context"
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
	return c.read(req)
}

// SSHCertificate returns a certificate, in the format of OpenSSH, with which the owner of
// a public key logs in to the SSH gateway as the client's user.
func (c *Client) SSHCertificate(ctx context.Context, key string) (string, error) {
	out, err := post[SSHCertificate](ctx, c, path("ssh"), CertificateRequest{Key: key})
	return out.Certificate, err
}

// SSHKeys lists the caller's SSH keys.
func (c *Client) SSHKeys(ctx context.Context) ([]SSHKey, error) {
	p, err := get[Profile](ctx, c, path("me"), nil)
	return p.SSHKeys, err
}

// AddSSHKey registers a public key of the caller.
func (c *Client) AddSSHKey(ctx context.Context, wanted SSHKeyCreate) (SSHKey, error) {
	return post[SSHKey](ctx, c, path("ssh_keys"), wanted)
}

// DeleteSSHKey removes a key of the caller; who is logged in with it is disconnected.
func (c *Client) DeleteSSHKey(ctx context.Context, id string) error {
	return c.call(ctx, http.MethodDelete, path("ssh_keys", id), nil, nil, nil)
}
