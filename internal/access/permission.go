package access

import "sync"

// Permission is one thing that can be allowed. Its text is also the action in the audit log.
type Permission string

// Permissions on the whole installation.
const (
	InstallationManage Permission = "installation.manage" // users, tokens for everything, the whole audit log
	ProjectCreate      Permission = "project.create"
	UserManage         Permission = "user.change"
)

// Permissions on a project.
const (
	ProjectView       Permission = "project.view"
	ProjectEdit       Permission = "project.settings"
	ProjectDelete     Permission = "project.delete"
	ProjectVarsView   Permission = "project.variables" // read; sensitive values are never shown
	ProjectVarsChange Permission = "project.variables.change"
	DomainView        Permission = "domain.view"
	DomainManage      Permission = "domain.change"
	CertificateView   Permission = "certificate.view"
	CertificateManage Permission = "certificate.change"
	IntegrationManage Permission = "integration.change" // also to see them: addresses contain secrets
	TokenManage       Permission = "token.change"
	MembersView       Permission = "access.view" // who has access to the project
	MembersManage     Permission = "access.change"
	AuditView         Permission = "audit.view"
)

// Permissions on an environment.
const (
	TypeMembersManage Permission = "environment.access.change" // roles on the environments of a type
	EnvironmentView   Permission = "environment.view"          // its state, routes and activities
	LogsView          Permission = "environment.logs"
	Plan              Permission = "environment.plan"
	CodePush          Permission = "environment.push"
	BranchDelete      Permission = "environment.delete"
	Redeploy          Permission = "environment.redeploy"
	Rollback          Permission = "environment.rollback"
	Activate          Permission = "environment.activate"
	Branch            Permission = "environment.branch"        // make one of the type, from another one
	PersonalData      Permission = "environment.personal_data" // take personal data along
	Synchronize       Permission = "environment.synchronize"   // replace its code or data by the parent's
	Merge             Permission = "environment.merge"         // take its code to the parent
	Rehearse          Permission = "environment.rehearse"      // deploy to a copy of it, with its data and its variables
	Pause             Permission = "environment.pause"
	Resume            Permission = "environment.resume"
	Deactivate        Permission = "environment.deactivate" // deletes its data
	Cancel            Permission = "environment.activity.cancel"
	EnvironmentEdit   Permission = "environment.settings"
	VariablesView     Permission = "environment.variables"
	VariablesChange   Permission = "environment.variables.change"
	Exec              Permission = "environment.exec"
	BackupView        Permission = "environment.backups"
	BackupCreate      Permission = "environment.backup"
	BackupRestore     Permission = "environment.restore"
	BackupDelete      Permission = "environment.backup.delete"
	BackupVerify      Permission = "environment.backup.verify"
	BackupDownload    Permission = "environment.backup.download" // all data, with the passwords of services
	RelationshipsView Permission = "environment.relationships"   // with the passwords of services
	CachePurge        Permission = "environment.cache.purge"
	Bypass            Permission = "environment.bypass"
	CodeRead          Permission = "code.read" // clone and fetch; a repository has all branches
	CodePushSomewhere Permission = "code.push" // some branch; each one is checked later
)

// level is what a permission is about.
type level int

const (
	installation    level = iota
	project               // the project's own role counts
	environment           // the role on the environment's type counts
	someEnvironment       // the highest role on any type counts
)

// rule is the least role that has a permission.
type rule struct {
	level level
	least Role
}

// rules is the table of all permissions.
var rules = sync.OnceValue(func() map[Permission]rule { //nolint:gochecknoglobals // immutable
	return map[Permission]rule{
		InstallationManage: {installation, Admin},
		ProjectCreate:      {installation, Admin},
		UserManage:         {installation, Admin},

		ProjectView:       {project, Viewer},
		DomainView:        {project, Viewer},
		CertificateView:   {project, Viewer},
		ProjectVarsView:   {someEnvironment, Contributor},
		ProjectVarsChange: {project, Admin},
		DomainManage:      {project, Admin},
		CertificateManage: {project, Admin},
		IntegrationManage: {project, Admin},
		TokenManage:       {project, Admin},
		MembersView:       {project, Viewer},
		MembersManage:     {project, Admin},
		AuditView:         {project, Admin},
		ProjectEdit:       {project, Admin},
		ProjectDelete:     {project, Admin},

		CodeRead:          {someEnvironment, Contributor},
		CodePushSomewhere: {someEnvironment, Contributor},

		EnvironmentView:   {environment, Viewer},
		LogsView:          {environment, Viewer},
		Plan:              {environment, Viewer},
		CodePush:          {environment, Contributor},
		Redeploy:          {environment, Contributor},
		Rollback:          {environment, Contributor},
		Activate:          {environment, Contributor},
		Branch:            {environment, Contributor},
		PersonalData:      {environment, Admin},
		Synchronize:       {environment, Contributor},
		Merge:             {environment, Contributor},
		Rehearse:          {environment, Contributor},
		Pause:             {environment, Contributor},
		Resume:            {environment, Contributor},
		Cancel:            {environment, Contributor},
		CachePurge:        {environment, Contributor},
		Bypass:            {environment, Contributor},
		VariablesView:     {environment, Contributor},
		Exec:              {environment, Contributor},
		RelationshipsView: {environment, Contributor},
		BackupView:        {environment, Viewer},
		BackupCreate:      {environment, Contributor},
		BackupRestore:     {environment, Contributor},
		BackupVerify:      {environment, Contributor},
		BackupDelete:      {environment, Admin},
		BackupDownload:    {environment, Admin},
		EnvironmentEdit:   {environment, Admin},
		VariablesChange:   {environment, Admin},
		BranchDelete:      {environment, Admin},
		Deactivate:        {environment, Admin},
		TypeMembersManage: {environment, Admin},
	}
})

// OnInstallation reports whether a permission is about no single project.
func (p Permission) OnInstallation() bool {
	r, known := rules()[p]
	return known && r.level == installation
}

// OnEnvironment reports whether a permission depends on the type of an environment.
func (p Permission) OnEnvironment() bool { return rules()[p].level == environment }
