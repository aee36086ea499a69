package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"net"
	"net/http"
	"os"
	"strings"
	"time"

	"sluice/internal/doctor"
	"sluice/internal/images"
)

// errUnfit is the end of a check that has printed what is wrong.
var errUnfit = errors.New("the machine does not have what Sluice needs")

// letsEncrypt is the directory that is asked for unless another one is named.
const letsEncrypt = "https://acme-v02.api.letsencrypt.org/directory"

// doctorCommand checks the machine with the settings that serve would have.
func doctorCommand(ctx context.Context, args []string, env map[string]string, stdout, stderr io.Writer) error {
	var c config
	var asJSON bool
	var acme string
	flags := serveFlags("doctor", &c, stderr)
	flags.BoolVar(&asJSON, "json", false, "print JSON")
	flags.StringVar(&acme, "acme-directory", letsEncrypt, "directory of the authority that the router orders certificates from")
	settings, err := withSettings(env)
	if err != nil {
		return err
	}
	if err := c.parse(flags, args, settings); err != nil {
		return err
	}
	d := doctor.Doctor{
		Config: doctor.Config{
			DataDir: c.DataDir, DockerHost: c.DockerHost, BaseDomain: c.BaseDomain, HTTPPort: c.HTTPPort, HTTPSPort: c.HTTPSPort, Listen: c.Listen,
			RouterSocket: c.Router, Mirror: cmp.Or(c.Mirror, images.DefaultMirror), ACMEDirectory: acme, MinFree: c.MinFree,
		},
		Path: env["PATH"], Resolver: net.DefaultResolver, HTTP: &http.Client{}, Now: time.Now, Synced: doctor.ClockSynced,
	}
	results := d.Run(ctx)
	if asJSON {
		enc := json.NewEncoder(stdout)
		enc.SetIndent("", "  ")
		err = enc.Encode(results)
	} else {
		err = doctor.Write(stdout, results)
	}
	if err == nil && doctor.Failed(results) {
		return errUnfit
	}
	return err
}

// settingsFile is where the service's settings are; SLUICED_SETTINGS names another one.
const settingsFile = "/etc/sluice/sluiced.env"

// withSettings adds the settings of the service to the environment, as systemd does for serve.
func withSettings(env map[string]string) (map[string]string, error) {
	text, err := os.ReadFile(cmp.Or(env["SLUICED_SETTINGS"], settingsFile))
	if errors.Is(err, fs.ErrNotExist) {
		return env, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read the settings: %w", err)
	}
	all := map[string]string{}
	for line := range strings.Lines(string(text)) {
		name, value, ok := strings.Cut(strings.TrimSpace(line), "=")
		if ok && !strings.HasPrefix(name, "#") {
			all[name] = strings.Trim(value, `"'`)
		}
	}
	maps.Copy(all, env) // what the shell says counts
	return all, nil
}
