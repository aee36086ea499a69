package cron

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"

	"sluice/internal/toolkit/kit"
)

// Kill asks the processes of this application that run cron jobs or queue consumers to
// end; it does not wait for them. What goes wrong is logged and is not an error.
func Kill(k *kit.Kit) {
	killer{proc: os.DirFS("/proc"), links: os.Readlink, signal: func(pid int) error { return syscall.Kill(pid, syscall.SIGTERM) }}.run(k)
}

// killer finds processes in a /proc.
type killer struct {
	proc   fs.FS
	links  func(name string) (string, error)
	signal func(pid int) error
}

func (c killer) run(k *kit.Kit) {
	k.Log.Info("Trying to kill running cron jobs and consumers processes")
	pids, err := c.find(k.Tree.Dir(), os.Getuid())
	if err != nil {
		k.Log.Warning("Error happening during kill cron or consumers processes: " + err.Error())
		return
	}
	if len(pids) == 0 {
		k.Log.Info("Running Magento cron and consumers processes were not found.")
	}
	for _, pid := range pids {
		if err := c.signal(pid); err != nil {
			k.Log.Infof("Couldn't kill process #%d it may be already finished", pid)
		}
	}
}

var (
	jobPattern      = regexp.MustCompile(`bin/magento +(cron:run|queue:consumers:start)`)
	absolutePattern = regexp.MustCompile(`(^| )/\S*bin/magento `)
)

// find returns the processes of a user that run jobs or consumers of the application in
// dir: another application of the same user is left alone.
func (c killer) find(dir string, uid int) ([]int, error) {
	entries, err := fs.ReadDir(c.proc, ".")
	if err != nil {
		return nil, err
	}
	var pids []int
	for _, e := range entries {
		pid, err := strconv.Atoi(e.Name())
		if err != nil || pid == os.Getpid() {
			continue
		}
		line, err := fs.ReadFile(c.proc, e.Name()+"/cmdline")
		if err != nil { // it ended meanwhile
			continue
		}
		text := strings.ReplaceAll(string(line), "\x00", " ")
		if jobPattern.MatchString(text) && c.owned(e.Name(), uid) && c.belongs(e.Name(), text, dir) {
			pids = append(pids, pid)
		}
	}
	return pids, nil
}

func (c killer) owned(pid string, uid int) bool {
	status, err := fs.ReadFile(c.proc, pid+"/status")
	if err != nil {
		return false
	}
	for line := range strings.Lines(string(status)) {
		if fields := strings.Fields(line); len(fields) > 1 && fields[0] == "Uid:" {
			return fields[1] == strconv.Itoa(uid)
		}
	}
	return false
}

// belongs reports whether a process works for the application: by its working directory
// or by the path in its command line. A directory that cannot be read counts as ours, as
// long as the path is relative: the user is the same.
func (c killer) belongs(pid, line, dir string) bool {
	if strings.Contains(line, filepath.Join(dir, "bin/magento")) {
		return true
	}
	if absolutePattern.MatchString(line) {
		return false
	}
	cwd, err := c.links("/proc/" + pid + "/cwd")
	if err != nil {
		return errors.Is(err, fs.ErrPermission)
	}
	return cwd == dir || strings.HasPrefix(cwd, dir+"/")
}
