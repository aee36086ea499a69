package apiv1

// Commit is one commit of a project's repository.
type Commit struct {
	ID        string    `json:"id"`
	SHA       string    `json:"sha"`
	Author    Signature `json:"author"`
	Committer Signature `json:"committer"`
	Message   string    `json:"message"`
	Tree      string    `json:"tree"`
	Parents   []string  `json:"parents"`
	Links     Links     `json:"_links"`
}

// Signature is who made a commit, and when.
type Signature struct {
	Date  Time   `json:"date"`
	Name  string `json:"name"`
	Email string `json:"email"`
}

// Tree is one directory of a repository.
type Tree struct {
	ID    string      `json:"id"`
	SHA   string      `json:"sha"`
	Tree  []TreeEntry `json:"tree"`
	Links Links       `json:"_links"`
}

// TreeEntry is one entry of a directory.
type TreeEntry struct {
	Path string `json:"path"` // its name
	Mode string `json:"mode"` // "100644"
	Type string `json:"type"` // "blob", "tree" or "commit"
	SHA  string `json:"sha"`
}

// Blob is the content of a file in a repository.
type Blob struct {
	ID       string `json:"id"`
	SHA      string `json:"sha"`
	Size     int    `json:"size"`     // bytes
	Encoding string `json:"encoding"` // "base64"
	Content  []byte `json:"content"`
	Links    Links  `json:"_links"`
}

// Ref is a branch of a repository.
type Ref struct {
	ID     string    `json:"id"`
	Ref    string    `json:"ref"` // "refs/heads/main"
	Object RefObject `json:"object"`
	Links  Links     `json:"_links"`
}

// RefObject is what a branch points at.
type RefObject struct {
	Type string `json:"type"` // "commit"
	SHA  string `json:"sha"`
}
