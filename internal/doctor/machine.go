package doctor

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// file reads a small file of the machine.
func (d *Doctor) file(name string) (string, error) {
	text, err := os.ReadFile(filepath.Join("/", d.Root, name)) //nolint:gosec // G304: names of this package
	return strings.TrimSpace(string(text)), err
}

// oldestKernel is that of Debian 11, the oldest one that Sluice was run on.
const oldestKernel = "5.10"

func (d *Doctor) kernel(context.Context) Result {
	release, err := d.file("proc/sys/kernel/osrelease")
	if err != nil {
		return fail("use Linux", "the release of the kernel cannot be read: %v", err)
	}
	if older(release, oldestKernel) {
		return warn("use the kernel of Debian 11 or newer", "Linux %s; %s is the oldest that Sluice was run on", release, oldestKernel)
	}
	return fine("Linux %s", release)
}

// older compares the first two numbers of versions.
func older(version, than string) bool {
	part := func(v string, i int) int {
		parts := strings.FieldsFunc(v, func(r rune) bool { return r == '.' || r == '-' || r == '+' || r == '~' })
		if i >= len(parts) {
			return 0
		}
		n, _ := strconv.Atoi(parts[i]) // what is not a number counts as 0
		return n
	}
	if a, b := part(version, 0), part(than, 0); a != b {
		return a < b
	}
	return part(version, 1) < part(than, 1)
}

func (d *Doctor) cgroups(context.Context) Result {
	if controllers, err := d.file("sys/fs/cgroup/cgroup.controllers"); err == nil {
		have := strings.Fields(controllers)
		var missing []string
		for _, c := range []string{"cpu", "memory", "pids", "io"} {
			if !slices.Contains(have, c) {
				missing = append(missing, c)
			}
		}
		if len(missing) > 0 {
			return warn("boot with these controllers enabled; limits of containers need them", "version 2, without %s", strings.Join(missing, ", "))
		}
		return fine("version 2")
	}
	if _, err := os.Stat(filepath.Join("/", d.Root, "sys/fs/cgroup/freezer")); err == nil {
		return warn("boot with systemd.unified_cgroup_hierarchy=1", "version 1, which newer engines no longer support")
	}
	return fail("mount control groups at /sys/fs/cgroup", "no control groups at /sys/fs/cgroup")
}

func (d *Doctor) programs(context.Context) Result {
	var missing []string
	if _, err := d.file("usr/share/keyrings/debian-archive-keyring.gpg"); err != nil {
		missing = append(missing, "debian-archive-keyring")
	}
	for _, program := range []string{"git", "mmdebstrap", "tini"} { // their packages have the same names
		if !d.has(program) {
			missing = append(missing, program)
		}
	}
	if len(missing) > 0 {
		return fail("apt-get install "+strings.Join(missing, " "), "missing: %s", strings.Join(missing, ", "))
	}
	return fine("git, mmdebstrap, tini and Debian's keys are there")
}

func (d *Doctor) has(program string) bool {
	for _, dir := range filepath.SplitList(d.Path) {
		if info, err := os.Stat(filepath.Join(dir, program)); err == nil && info.Mode().IsRegular() && info.Mode().Perm()&0o111 != 0 {
			return true
		}
	}
	return false
}

// existing is the data directory, or the nearest directory above it that exists.
func (d *Doctor) existing() string {
	dir := d.DataDir
	for {
		if info, err := os.Stat(dir); err == nil && info.IsDir() || dir == filepath.Dir(dir) {
			return dir
		}
		dir = filepath.Dir(dir)
	}
}

func (d *Doctor) dataDirectory(context.Context) Result {
	dir := d.existing()
	info, err := os.Stat(dir)
	if err != nil {
		return fail("check --data-dir", "%v", err)
	}
	if dir == d.DataDir && info.Mode().Perm()&0o077 != 0 {
		return fail("chmod 700 "+dir, "%s can be read by others than root", dir)
	}
	shares, err := sharesBlocks(dir)
	switch {
	case errors.Is(err, fs.ErrPermission):
		return fail("run it as root: sudo sluiced doctor", "%s cannot be written", dir)
	case err != nil:
		return fail("check the file system of "+dir, "%s: %v", dir, err)
	case !shares:
		return warn("use XFS or btrfs, or make a pool: sluiced pool:create -h", "the file system of %s does not share blocks, so branches copy their data", dir)
	}
	return fine("%s shares blocks: copies of data take no room and no time", dir)
}

// sharesBlocks reports whether a file can be cloned in a directory, by trying.
func sharesBlocks(dir string) (shares bool, err error) {
	from, err := os.CreateTemp(dir, ".sluice-doctor-*")
	if err != nil {
		return false, err
	}
	defer func() { err = errors.Join(err, from.Close(), os.Remove(from.Name())) }()
	to, err := os.CreateTemp(dir, ".sluice-doctor-*")
	if err != nil {
		return false, err
	}
	defer func() { err = errors.Join(err, to.Close(), os.Remove(to.Name())) }()
	if _, err := from.Write(make([]byte, 4096)); err != nil {
		return false, err
	}
	return unix.IoctlFileClone(int(to.Fd()), int(from.Fd())) == nil, nil
}

// roomy is the free space, in MB, that the images and the first shop need.
const roomy = 20 << 10

func (d *Doctor) disk(context.Context) Result {
	dir := d.existing()
	var st unix.Statfs_t
	if err := unix.Statfs(dir, &st); err != nil {
		return fail("check --data-dir", "%s: %v", dir, err)
	}
	free := st.Bavail * uint64(st.Bsize) >> 20 //nolint:gosec // G115: the size of a block is positive
	switch {
	case st.Files > 0 && st.Ffree < st.Files/20:
		return fail("make room for files at "+dir, "%s has room for %d files only", dir, st.Ffree)
	case free < d.MinFree:
		return fail("make room at "+dir+", or set --min-free", "%d MB are free at %s; below %d MB deployments are refused", free, dir, d.MinFree)
	case free < roomy:
		return warn("plan for more room: images and one shop need about 20 GB", "%d MB are free at %s", free, dir)
	}
	return fine("%d GB are free at %s", free>>10, dir)
}

// leastMemory is what a shop with a database and a search service needs, in kB.
const leastMemory = 3_500_000

func (d *Doctor) memory(context.Context) Result {
	text, err := d.file("proc/meminfo")
	total := 0
	for line := range strings.Lines(text) {
		if _, scan := fmt.Sscanf(line, "MemTotal: %d kB", &total); scan == nil {
			break
		}
	}
	switch {
	case err != nil || total == 0:
		return warn("", "the size of the memory is not known")
	case total < leastMemory:
		return warn("use a machine with 4 GB or more", "%d MB; a shop with its services needs about 4 GB", total>>10)
	}
	return fine("%d GB", (total+(1<<19))>>20)
}

func (d *Doctor) clock(context.Context) Result {
	synced, err := d.Synced()
	switch {
	case err != nil:
		return warn("timedatectl set-ntp true", "it is not known whether the clock is set from outside: %v", err)
	case !synced:
		return warn("timedatectl set-ntp true (package systemd-timesyncd or chrony)", "the clock is not synchronised; %s now. Certificates, tokens and crons depend on it", d.Now().UTC().Format("15:04:05 MST"))
	}
	return fine("synchronised")
}

// ClockSynced asks the kernel whether something keeps the clock right.
func ClockSynced() (bool, error) {
	var t unix.Timex
	_, err := unix.Adjtimex(&t)
	return t.Status&unix.STA_UNSYNC == 0, err
}
