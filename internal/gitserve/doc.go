// Package gitserve is the Git endpoint: it serves clones and pushes by running the real git
// binary, over HTTP (Server) and on connections that another server has accepted,
// such as the SSH gateway (ServeSession), and asks a Receiver what to do about pushes.
//
// A push runs git receive-pack, whose pre-receive and post-receive hooks are this
// program again (RunHook). They dial a socket of the control plane with a token that is
// worth something only while their push lasts, and pass on their input from git. The
// git process belongs to the control plane and not to the request: a client that leaves
// ends only its view of the log.
//
// The package decides nothing about tokens, branches or deployments: its Gate and its
// Receiver do. It knows no other adapter.
package gitserve
