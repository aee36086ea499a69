package httpapi

import (
	"net/http"
	"strconv"

	"sluice/apiv1"
	"sluice/internal/access"
	"sluice/internal/hal"
	"sluice/internal/platform"
)

// routeSSH lists the resources of SSH keys and certificates.
func (a *api) routeSSH() {
	a.authenticated("POST /api/ssh_keys", a.addSSHKey)
	a.authenticated("GET /api/ssh_keys/{key}", a.getSSHKey)
	a.authenticated("DELETE /api/ssh_keys/{key}", a.deleteSSHKey)
	a.authenticated("POST /api/ssh", a.certify)
	a.handle("GET /api/ssh/authority", a.sshAuthority)
}

func (a *api) addSSHKey(w http.ResponseWriter, r *http.Request, subject access.Subject) error {
	var req apiv1.SSHKeyCreate
	if err := readJSON(r, &req); err != nil {
		return err
	}
	k, err := a.Accounts.AddSSHKey(r.Context(), subject, req.Title, req.Value)
	if err != nil {
		return err
	}
	a.writeJSON(w, r, http.StatusCreated, hal.SSHKey(k, a.Accounts.Fingerprint(k)))
	return nil
}

// sshKeys lists the keys of the caller.
func (a *api) sshKeys(r *http.Request, subject access.Subject) ([]apiv1.SSHKey, error) {
	keys, err := a.Accounts.SSHKeys(r.Context(), subject)
	out := make([]apiv1.SSHKey, 0, len(keys))
	for _, k := range keys {
		out = append(out, hal.SSHKey(k, a.Accounts.Fingerprint(k)))
	}
	return out, err
}

func (a *api) getSSHKey(w http.ResponseWriter, r *http.Request, subject access.Subject) error {
	keys, err := a.sshKeys(r, subject)
	if err != nil {
		return err
	}
	for _, k := range keys {
		if strconv.FormatInt(k.KeyID, 10) == r.PathValue("key") {
			a.writeJSON(w, r, http.StatusOK, k)
			return nil
		}
	}
	return noSSHKey(r)
}

func (a *api) deleteSSHKey(w http.ResponseWriter, r *http.Request, subject access.Subject) error {
	id, err := strconv.ParseInt(r.PathValue("key"), 10, 64)
	if err != nil {
		return noSSHKey(r)
	}
	if err := a.Accounts.DeleteSSHKey(r.Context(), subject, id); err != nil {
		return err
	}
	return a.accepted(w, r, http.StatusOK, nil)
}

func noSSHKey(r *http.Request) error {
	return platform.Errorf(platform.CodeNotFound, "SSH key %.30q not found", r.PathValue("key")).WithHint("`sluice ssh-key:list` shows your keys")
}

// certify signs a public key of the caller.
func (a *api) certify(w http.ResponseWriter, r *http.Request, subject access.Subject) error {
	var req apiv1.CertificateRequest
	if err := readJSON(r, &req); err != nil {
		return err
	}
	cert, err := a.Accounts.Certify(r.Context(), subject, req.Key)
	if err != nil {
		return err
	}
	a.writeJSON(w, r, http.StatusOK, apiv1.SSHCertificate{Certificate: cert})
	return nil
}

// sshAuthority shows whose signature an SSH server that should let users in has to trust.
func (a *api) sshAuthority(w http.ResponseWriter, r *http.Request) error {
	a.writeJSON(w, r, http.StatusOK, apiv1.SSHAuthorities{Authorities: []string{a.Accounts.AuthorityKey()}})
	return nil
}
