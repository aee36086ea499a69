package project

import (
	"context"
	"log/slog"
	"time"

	"sluice/internal/access"
	"sluice/internal/platform"
)

// Records keeps what the package works on.
type Records interface {
	// Project returns CodeNotFound when there is none.
	Project(ctx context.Context, id string) (platform.Project, error)
	Projects(ctx context.Context) ([]platform.Project, error)
	SaveProject(ctx context.Context, p platform.Project) error
	DeleteProject(ctx context.Context, id string) error
	// Environment returns CodeNotFound when there is none.
	Environment(ctx context.Context, project, name string) (platform.Environment, error)

	Domains
	Certificates
	Variables
	Integrations

	// AddAudit appends to the audit log; ID and Time are set by the store.
	AddAudit(ctx context.Context, e platform.AuditEntry) error
	// Audit lists entries, newest first.
	Audit(ctx context.Context, f platform.AuditFilter) ([]platform.AuditEntry, error)
}

// Domains keeps the domains of projects.
type Domains interface {
	// Domains lists a project's domains, the default one first.
	Domains(ctx context.Context, project string) ([]platform.Domain, error)
	// AddDomain stores a domain, verified when it has no Challenge. It returns CodeConflict
	// when the project has it, or another project has it verified.
	AddDomain(ctx context.Context, d platform.Domain) (platform.Domain, error)
	// VerifyDomain returns CodeConflict when another project has it verified.
	VerifyDomain(ctx context.Context, project, name string) (platform.Domain, error)
	// SetDefaultDomain and DeleteDomain return CodeNotFound when the project has none of that name.
	SetDefaultDomain(ctx context.Context, project, name string) error
	DeleteDomain(ctx context.Context, project, name string) error
}

// Certificates keeps uploaded certificates.
type Certificates interface {
	// Certificates lists those of a project, or all when project is "".
	Certificates(ctx context.Context, project string) ([]platform.Certificate, error)
	// AddCertificate returns CodeConflict when the project has it.
	AddCertificate(ctx context.Context, c platform.Certificate) (platform.Certificate, error)
	// DeleteCertificate returns CodeNotFound when the project has none with this ID.
	DeleteCertificate(ctx context.Context, project, id string) error
}

// Variables keeps variables of projects (env is "") and environments.
type Variables interface {
	// Variables lists what applies to an environment, lowest precedence first.
	Variables(ctx context.Context, project, env string) ([]platform.Variable, error)
	// OwnVariables lists what is set on the project or environment itself.
	OwnVariables(ctx context.Context, project, env string) ([]platform.Variable, error)
	SaveVariable(ctx context.Context, project string, v platform.Variable) error
	DeleteVariable(ctx context.Context, project, env, name string) error
}

// Repositories keeps the Git repositories of projects.
type Repositories interface {
	Create(ctx context.Context, project, defaultBranch string) error
	Delete(project string) error
}

// Pipeline deploys.
type Pipeline interface {
	// Redeploy queues a deployment of what the branch points at.
	Redeploy(ctx context.Context, project, env string, by platform.Actor, params map[string]string) (platform.Activity, error)
	// DemolishProject removes the containers, routes and data of all environments.
	DemolishProject(ctx context.Context, project string) error
}

// Router shows certificates to visitors. It returns CodeNotFound when it has no TLS listener.
type Router interface {
	SetCertificates(ctx context.Context, list []platform.Certificate) error
	Certificates(ctx context.Context) ([]platform.CertificateStatus, error)
}

// Resolver looks up TXT records; a *net.Resolver is one.
type Resolver interface {
	LookupTXT(ctx context.Context, name string) ([]string, error)
}

// Dependencies are what a Service works with. None may be nil.
type Dependencies struct {
	Records      Records
	Repositories Repositories
	Pipeline     Pipeline
	Router       Router
	Resolver     Resolver
	Receivers    Receivers
	Log          *slog.Logger
}

// Service is safe for concurrent use.
type Service struct {
	Dependencies
	now     func() time.Time
	changed chan struct{} // holds one token when the router lacks certificates
}

// New returns a Service.
func New(d Dependencies) *Service {
	return &Service{Dependencies: d, now: time.Now, changed: make(chan struct{}, 1)}
}

// Record writes to the audit log that someone does something now. When it cannot, an
// error is returned, and the caller must not do it.
func (s *Service) Record(ctx context.Context, by access.Subject, p access.Permission, project, env, detail string) error {
	const most = 200
	if len(detail) > most {
		detail = detail[:most]
	}
	return s.Records.AddAudit(ctx, platform.AuditEntry{Actor: by.Actor, Action: string(p), Project: project, Environment: env, Detail: detail})
}

// Audit lists entries of the audit log, newest first: of a project, or of everything when
// the project is "".
func (s *Service) Audit(ctx context.Context, f platform.AuditFilter) ([]platform.AuditEntry, error) {
	return s.Records.Audit(ctx, f)
}
