package docker

import (
	"cmp"
	"fmt"
	"runtime"

	"github.com/moby/moby/api/types/container"
	"golang.org/x/sys/unix"

	"sluice/internal/engine"
)

// Limits bound one container where its specification does not. Fields that are 0 have the
// values of DefaultLimits.
type Limits struct {
	Memory int64   // bytes, memory file systems included; there is no swap beyond it
	CPUs   float64 // processors
	PIDs   int64   // processes and threads
	Tmpfs  int64   // bytes of each memory file system: /tmp, and mounts with "source: tmp"
}

const (
	mib = 1 << 20
	gib = 1 << 30

	defaultPIDs  = 4096 // search engines need thousands
	defaultTmpfs = gib
	leastMemory  = 2 * gib   // what a command of a shop may need, on a small machine too
	machineShare = 512 * mib // of memory, that no container gets
	runTmpfs     = 64 * mib  // of /run, which has sockets and process numbers
)

// DefaultLimits returns limits for this machine: a container gets half of its memory, but
// not less than 2 GiB where there is that much, and all processors but one where there are
// more than two.
func DefaultLimits() Limits {
	cpus := runtime.NumCPU()
	if cpus > 2 {
		cpus--
	}
	return Limits{Memory: memoryShare(machineMemory()), CPUs: float64(cpus), PIDs: defaultPIDs, Tmpfs: defaultTmpfs}
}

func memoryShare(total int64) int64 {
	return max(min(max(total/2, leastMemory), total-machineShare), machineShare)
}

// machineMemory returns the memory of this machine in bytes.
func machineMemory() int64 {
	var info unix.Sysinfo_t
	if err := unix.Sysinfo(&info); err != nil {
		return 2 * leastMemory
	}
	return int64(info.Totalram) * int64(info.Unit) //nolint:gosec // no machine has 8 EiB
}

// or fills in what is 0.
func (l Limits) or(fallback Limits) Limits {
	return Limits{
		Memory: cmp.Or(l.Memory, fallback.Memory), CPUs: cmp.Or(l.CPUs, fallback.CPUs),
		PIDs: cmp.Or(l.PIDs, fallback.PIDs), Tmpfs: cmp.Or(l.Tmpfs, fallback.Tmpfs),
	}
}

// of returns the limits of one container. A memory file system counts as memory, so one
// alone cannot use up all of it.
func (l Limits) of(w wanted) Limits {
	l = Limits{Memory: w.Memory, CPUs: w.CPUs, PIDs: w.PIDs}.or(l)
	l.Tmpfs = min(l.Tmpfs, l.Memory/2)
	return l
}

// String returns what can be changed in a container that exists, for its label.
func (l Limits) String() string { return fmt.Sprintf("%d/%g/%d", l.Memory, l.CPUs, l.PIDs) }

// resources returns the limits as Docker wants them.
func (l Limits) resources(k engine.Kind) container.Resources {
	return container.Resources{
		Memory:     l.Memory,
		MemorySwap: l.Memory, // equal: no swap
		NanoCPUs:   int64(l.CPUs * 1e9),
		CPUShares:  sharesOf(k),
		PidsLimit:  new(l.PIDs),
	}
}

// Shares of the processors when there are not enough of them, relative to each other, and
// who is ended first when there is not enough memory: containers before the programs of
// the machine, the router among them, and services last.
const (
	visitorShares = 1024
	workerShares  = 512
	serviceOOM    = 100
	visitorOOM    = 300
	workerOOM     = 500
)

func sharesOf(k engine.Kind) int64 {
	if k == engine.KindWorker {
		return workerShares
	}
	return visitorShares
}

func oomScoreOf(k engine.Kind) int {
	switch k {
	case engine.KindService:
		return serviceOOM
	case engine.KindWorker:
		return workerOOM
	case engine.KindWeb:
	}
	return visitorOOM
}
