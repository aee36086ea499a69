package httpapi

import (
	"net/http"

	"sluice/apiv1"
	"sluice/internal/access"
)

// setPassword changes the password of the caller.
func (a *api) setPassword(w http.ResponseWriter, r *http.Request, subject access.Subject) error {
	var req apiv1.PasswordChange
	if err := readJSON(r, &req); err != nil {
		return err
	}
	if err := a.Accounts.SetPassword(r.Context(), subject, subject.ID, req.CurrentPassword, req.Password, remoteAddress(r)); err != nil {
		return err
	}
	return a.accepted(w, r, http.StatusOK, nil)
}

// enrollFactor begins the set-up of a second factor of the caller.
func (a *api) enrollFactor(w http.ResponseWriter, r *http.Request, subject access.Subject) error {
	secret, address, err := a.Accounts.EnrollFactor(r.Context(), subject)
	if err != nil {
		return err
	}
	a.writeJSON(w, r, http.StatusOK, apiv1.FactorSetup{Secret: secret, URL: address})
	return nil
}

// confirmFactor switches the second factor on.
func (a *api) confirmFactor(w http.ResponseWriter, r *http.Request, subject access.Subject) error {
	var req apiv1.FactorCode
	if err := readJSON(r, &req); err != nil {
		return err
	}
	codes, err := a.Accounts.ConfirmFactor(r.Context(), subject, req.Code, remoteAddress(r))
	if err != nil {
		return err
	}
	a.writeJSON(w, r, http.StatusOK, apiv1.FactorRecovery{Codes: codes})
	return nil
}

// removeFactor switches the second factor off.
func (a *api) removeFactor(w http.ResponseWriter, r *http.Request, subject access.Subject) error {
	var req apiv1.PasswordChange
	if err := readJSON(r, &req); err != nil {
		return err
	}
	if err := a.Accounts.RemoveFactor(r.Context(), subject, subject.ID, req.CurrentPassword, remoteAddress(r)); err != nil {
		return err
	}
	return a.accepted(w, r, http.StatusOK, nil)
}
