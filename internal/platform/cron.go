package platform

import "time"

// CronPlan is what the scheduler runs in one environment with one release.
type CronPlan struct {
	Project     string
	Name        string // of the environment
	Environment EnvironmentID
	Release     string
	Timezone    string // IANA name; empty for UTC
	Jobs        []CronJob
}

// CronJob is one job, run in the web container of its application.
type CronJob struct {
	App      string
	Name     string
	Spec     string        // five fields; may contain H
	Command  []string      // argument vector
	Shutdown time.Duration // between SIGTERM and SIGKILL
	Timeout  time.Duration // of one run
}
