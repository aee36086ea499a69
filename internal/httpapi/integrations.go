package httpapi

import (
	"net/http"
	"time"

	"sluice/apiv1"
	"sluice/internal/access"
	"sluice/internal/hal"
	"sluice/internal/platform"
)

func (a *api) routeIntegrations(project string) {
	all := project + "/integrations"
	one := all + "/{integration}"
	a.scoped("GET "+all, access.IntegrationManage, a.listIntegrations)
	a.scoped("POST "+all, access.IntegrationManage, a.addIntegration)
	a.scoped("GET "+one, access.IntegrationManage, a.getIntegration)
	a.scoped("PATCH "+one, access.IntegrationManage, a.changeIntegration)
	a.scoped("DELETE "+one, access.IntegrationManage, a.deleteIntegration)
	a.scoped("POST "+one+"/validate", access.IntegrationManage, a.validateIntegration)
	a.scoped("GET "+one+"/activities", access.IntegrationManage, a.listDeliveries)
	a.scoped("GET "+one+"/activities/{activity}", access.IntegrationManage, a.delivery)
	a.scoped("GET "+one+"/activities/{activity}/log", access.IntegrationManage, a.deliveryLog)
}

func (a *api) listIntegrations(w http.ResponseWriter, r *http.Request, s scope) error {
	list, err := a.Integrations.Integrations(r.Context(), s.project.ID)
	if err != nil {
		return err
	}
	out := make([]apiv1.Integration, 0, len(list))
	for _, i := range list {
		out = append(out, a.view(s).Integration(i))
	}
	a.writeJSON(w, r, http.StatusOK, out)
	return nil
}

func (a *api) getIntegration(w http.ResponseWriter, r *http.Request, s scope) error {
	i, err := a.Integrations.Integration(r.Context(), s.project.ID, r.PathValue("integration"))
	if err != nil {
		return err
	}
	a.writeJSON(w, r, http.StatusOK, a.view(s).Integration(i))
	return nil
}

func (a *api) addIntegration(w http.ResponseWriter, r *http.Request, s scope) error {
	var req apiv1.IntegrationChange
	if err := readJSON(r, &req); err != nil {
		return err
	}
	i, err := a.Integrations.AddIntegration(r.Context(), s.subject, s.project.ID, req.Type, integrationChange(req))
	if err != nil {
		return refused(err)
	}
	return a.accepted(w, r, http.StatusCreated, a.view(s).Integration(i))
}

func (a *api) changeIntegration(w http.ResponseWriter, r *http.Request, s scope) error {
	var req apiv1.IntegrationChange
	if err := readJSON(r, &req); err != nil {
		return err
	}
	i, err := a.Integrations.ChangeIntegration(r.Context(), s.subject, s.project.ID, r.PathValue("integration"), integrationChange(req))
	if err != nil {
		return refused(err)
	}
	return a.accepted(w, r, http.StatusOK, a.view(s).Integration(i))
}

func integrationChange(req apiv1.IntegrationChange) platform.IntegrationChange {
	return platform.IntegrationChange{
		URL: req.URL, SharedKey: req.SharedKey, Events: req.Events, States: req.States,
		Environments: req.Environments, Excluded: req.ExcludedEnvironments,
	}
}

func (a *api) deleteIntegration(w http.ResponseWriter, r *http.Request, s scope) error {
	if err := a.Integrations.DeleteIntegration(r.Context(), s.subject, s.project.ID, r.PathValue("integration")); err != nil {
		return err
	}
	return a.accepted(w, r, http.StatusOK, nil)
}

func (a *api) validateIntegration(w http.ResponseWriter, r *http.Request, s scope) error {
	if err := a.Integrations.CheckIntegration(r.Context(), s.project.ID, r.PathValue("integration")); err != nil {
		return err
	}
	return a.accepted(w, r, http.StatusOK, nil)
}

// listDeliveries lists what was sent to an integration, as activities.
func (a *api) listDeliveries(w http.ResponseWriter, r *http.Request, s scope) error {
	filter, err := activityFilter(r, s)
	if err != nil {
		return err
	}
	list, err := a.Integrations.Deliveries(r.Context(), s.project.ID, r.PathValue("integration"))
	if err != nil {
		return err
	}
	out := []apiv1.Activity{}
	for _, d := range list {
		if len(out) < filter.Limit && (filter.Before.IsZero() || d.CreatedAt.Before(filter.Before)) {
			out = append(out, a.view(s).Delivery(d))
		}
	}
	a.writeJSON(w, r, http.StatusOK, out)
	return nil
}

func (a *api) delivery(w http.ResponseWriter, r *http.Request, s scope) error {
	d, err := a.Integrations.Delivery(r.Context(), s.project.ID, r.PathValue("activity"))
	if err != nil {
		return err
	}
	a.writeJSON(w, r, http.StatusOK, a.view(s).Delivery(d))
	return nil
}

// deliveryLog sends the attempts that there are and, unless the reader does not want to wait,
// those that come, until the delivery is done.
func (a *api) deliveryLog(w http.ResponseWriter, r *http.Request, s scope) error {
	q, err := readLogQuery(r)
	if err != nil {
		return err
	}
	var out *logWriter
	poll := time.NewTicker(deliveryPoll)
	defer poll.Stop()
	for heard := time.Now(); ; {
		d, err := a.Integrations.Delivery(r.Context(), s.project.ID, r.PathValue("activity"))
		if err != nil && out == nil {
			return err
		}
		if out == nil {
			out = newLogWriter(w, r)
			defer out.done()
			err = out.flush()
		}
		for _, entry := range hal.DeliveryLog(d) {
			if err == nil && entry.ID >= q.from {
				err, q.from, heard = out.send(wireEntry(entry)), entry.ID+1, time.Now()
			}
		}
		switch {
		case err == nil && d.Done:
			_ = out.send(apiv1.LogItem{Seal: true})
			return nil
		case err != nil, q.maxDelay >= 0:
			return nil // the client or the delivery has gone, or enough was sent
		case time.Since(heard) > a.cfg.Heartbeat:
			_, heard = out.heartbeat(), time.Now() // the next poll notices a client that left
		}
		select {
		case <-r.Context().Done():
			return nil
		case <-poll.C:
		}
	}
}

// deliveryPoll is how often a reader of an unfinished delivery's log is told of attempts.
const deliveryPoll = time.Second

// orDelivery answers with a delivery where a project has no activity with that ID: clients
// look for both in the same place.
func (a *api) orDelivery(activity, delivery scopedHandler) scopedHandler {
	return func(w http.ResponseWriter, r *http.Request, s scope) error {
		err := activity(w, r, s)
		if platform.ErrorCode(err) == platform.CodeNotFound && s.env == "" && s.subject.Allows(access.IntegrationManage, s.project.ID, "") {
			return delivery(w, r, s)
		}
		return err
	}
}
