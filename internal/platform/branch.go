package platform

// CloneRequest says with which data an environment begins.
type CloneRequest struct {
	NoCloneParent    bool // with empty data, not with the parent's
	KeepPersonalData bool // production's data is not sanitised
}

// BranchRequest asks for a new environment.
type BranchRequest struct {
	CloneRequest

	Name   string // of the branch
	Parent string
	Title  string
	Type   EnvironmentType // "" for development
}
