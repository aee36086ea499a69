package docker

import (
	"fmt"
	"maps"
	"math"
	"net/netip"
	"slices"
	"time"

	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/mount"
	"github.com/moby/moby/api/types/network"
	"github.com/moby/moby/client"

	"sluice/internal/contract"
	"sluice/internal/platform"
)

// What is kept of what a container prints.
const (
	logFileSize  = "10m"
	logFileCount = "3"
	hostNameMax  = 63
)

// tmpfsOptions lets every user write; no program there gains rights. Programs may be run, which
// package managers and PHP's JIT need. The owner is for directories that exist in the
// image: runc gives those the image's mode again.
func tmpfsOptions(o owner, size int64) string {
	return fmt.Sprintf("rw,exec,nosuid,nodev,mode=1777,uid=%d,gid=%d,size=%d", o.uid, o.gid, size)
}

// createOptions is the whole definition of a container for Docker.
func createOptions(
	n naming, env platform.EnvironmentID, project string, w wanted, binds []bind, l Limits,
) client.ContainerCreateOptions {
	return client.ContainerCreateOptions{
		Name: n.container(env, w.release, w.Name),
		Config: &container.Config{
			Image:       w.Image,
			Cmd:         w.Command,
			User:        w.User,
			WorkingDir:  w.Dir,
			Env:         environ(w.Env),
			Hostname:    w.Name[:min(len(w.Name), hostNameMax)],
			Labels:      n.containerLabels(env, project, w, l.of(w)),
			StopSignal:  "SIGTERM", // whatever the image says: the port promises it
			StopTimeout: new(seconds(w.StopTimeout)),
		},
		HostConfig:       hostConfig(w, binds, l.of(w)),
		NetworkingConfig: endpoint(n.network(env), w),
	}
}

// hostConfig is what confines the container: it can write to its mounts and its memory
// file systems, has no capability and cannot gain one.
func hostConfig(w wanted, binds []bind, l Limits) *container.HostConfig {
	return &container.HostConfig{
		Mounts:         mounts(binds),
		Tmpfs:          tmpfs(w, binds, l.Tmpfs),
		ReadonlyRootfs: true,
		CapDrop:        []string{"ALL"},
		SecurityOpt:    []string{"no-new-privileges"},
		Init:           new(true), // reaps what a command leaves behind, passes SIGTERM on
		ExtraHosts:     w.hosts,
		LogConfig: container.LogConfig{
			Type:   "json-file",
			Config: map[string]string{"max-size": logFileSize, "max-file": logFileCount},
		},
		RestartPolicy: container.RestartPolicy{Name: container.RestartPolicyUnlessStopped},
		Resources:     l.resources(w.kind),
		OomScoreAdj:   oomScoreOf(w.kind),
	}
}

// endpoint joins the container to the environment's network. It answers to its own name
// there, whichever release it belongs to.
func endpoint(name string, w wanted) *network.NetworkingConfig {
	end := &network.EndpointSettings{Aliases: []string{w.Name}, Links: w.aliases}
	if w.address.IsValid() {
		end.IPAMConfig = &network.EndpointIPAMConfig{IPv4Address: w.address}
	}
	return &network.NetworkingConfig{EndpointsConfig: map[string]*network.EndpointSettings{name: end}}
}

func mounts(binds []bind) []mount.Mount {
	var out []mount.Mount
	for _, b := range binds {
		out = append(out, mount.Mount{
			Type: mount.TypeBind, Source: b.source, Target: b.target, ReadOnly: b.readOnly,
			BindOptions: &mount.BindOptions{Propagation: mount.PropagationRPrivate},
		})
	}
	return out
}

// tmpfs lists the memory file systems: /tmp and /run everywhere, but for a target that a
// mount already has.
func tmpfs(w wanted, binds []bind, size int64) map[string]string {
	out := map[string]string{}
	for _, dir := range append([]string{"/tmp", contract.RunDir}, w.Tmpfs...) {
		if !slices.ContainsFunc(binds, func(b bind) bool { return b.target == dir }) {
			most := size
			if dir == contract.RunDir {
				most = min(size, runTmpfs)
			}
			out[dir] = tmpfsOptions(ownerOf(w.User), most)
		}
	}
	return out
}

// environ returns variables as Docker wants them, sorted.
func environ(vars map[string]string) []string {
	var out []string
	for _, name := range slices.Sorted(maps.Keys(vars)) {
		out = append(out, name+"="+vars[name])
	}
	return out
}

// seconds rounds up, since Docker counts stop timeouts in seconds.
func seconds(d time.Duration) int { return int(math.Ceil(d.Seconds())) }

// networkOptions describes an environment's own network: Docker hands out addresses from
// the upper half of the subnet, the lower half has the gateway and the fixed addresses of
// services. Without a subnet Docker chooses one.
func networkOptions(labels map[string]string, subnet netip.Prefix) client.NetworkCreateOptions {
	if !subnet.IsValid() {
		return client.NetworkCreateOptions{Driver: "bridge", Labels: labels}
	}
	return client.NetworkCreateOptions{
		Driver: "bridge",
		IPAM: &network.IPAM{
			Driver: "default",
			Config: []network.IPAMConfig{{Subnet: subnet, IPRange: upperHalf(subnet), Gateway: subnet.Addr().Next()}},
		},
		Labels: labels,
	}
}

// upperHalf returns the second half of an IPv4 prefix.
func upperHalf(p netip.Prefix) netip.Prefix {
	if !p.Addr().Is4() || p.Bits() >= 32 {
		return p
	}
	b := p.Addr().As4()
	b[p.Bits()/8] |= 1 << (7 - p.Bits()%8)
	return netip.PrefixFrom(netip.AddrFrom4(b), p.Bits()+1)
}
