package project

import (
	"context"
	"time"

	"sluice/internal/access"
	"sluice/internal/platform"
)

// How often the router's certificates are brought in line with the records. It keeps a
// copy of its own, so a success only repairs what someone changed by hand.
const (
	syncRetry    = 15 * time.Second
	syncInterval = 10 * time.Minute
)

// AddCertificate stores a certificate and sends it to the router.
func (s *Service) AddCertificate(ctx context.Context, by access.Subject, c platform.Certificate) (platform.Certificate, error) {
	if err := s.Record(ctx, by, access.CertificateManage, c.Project, "", "add "+c.ID); err != nil {
		return c, err
	}
	c, err := s.Records.AddCertificate(ctx, c)
	if err == nil {
		s.syncRouter(ctx)
	}
	return c, err
}

// DeleteCertificate removes a certificate here and from the router.
func (s *Service) DeleteCertificate(ctx context.Context, by access.Subject, project, id string) error {
	if err := s.Record(ctx, by, access.CertificateManage, project, "", "delete "+id); err != nil {
		return err
	}
	err := s.Records.DeleteCertificate(ctx, project, id)
	if err == nil {
		s.syncRouter(ctx)
	}
	return err
}

// Certificates lists the uploaded certificates of a project.
func (s *Service) Certificates(ctx context.Context, project string) ([]platform.Certificate, error) {
	return s.Records.Certificates(ctx, project)
}

// Shown returns what the router shows to visitors; a router without TLS shows nothing.
func (s *Service) Shown(ctx context.Context) ([]platform.CertificateStatus, error) {
	list, err := s.Router.Certificates(ctx)
	if platform.ErrorCode(err) == platform.CodeNotFound {
		return nil, nil
	}
	return list, err
}

// syncRouter sends all certificates now, or leaves it to Run when the router is away.
func (s *Service) syncRouter(ctx context.Context) {
	if err := s.sendCertificates(context.WithoutCancel(ctx)); err != nil {
		s.Log.WarnContext(ctx, "could not send certificates to the router; will retry", "error", err)
		select {
		case s.changed <- struct{}{}:
		default:
		}
	}
}

func (s *Service) sendCertificates(ctx context.Context) error {
	list, err := s.Records.Certificates(ctx, "")
	if err != nil {
		return err
	}
	err = s.Router.SetCertificates(ctx, list)
	if platform.ErrorCode(err) == platform.CodeNotFound { // it has no TLS listener
		return nil
	}
	return err
}

// Run keeps the router's certificates in line with the records until ctx ends.
func (s *Service) Run(ctx context.Context) error {
	wait := time.Duration(0)
	for {
		timer := time.NewTimer(wait)
		select {
		case <-timer.C:
		case <-s.changed:
			timer.Stop()
		case <-ctx.Done():
			timer.Stop()
			return nil
		}
		wait = syncInterval
		if err := s.sendCertificates(ctx); err != nil && ctx.Err() == nil {
			s.Log.DebugContext(ctx, "could not send certificates to the router; will retry", "error", err)
			wait = syncRetry
		}
	}
}
