package catalog

import (
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"
)

// Names and versions become parts of image names and of messages.
var (
	versionPattern   = regexp.MustCompile(`^[0-9]+(\.([0-9]+|x))*$`)
	referencePattern = regexp.MustCompile(`^[a-z0-9]([a-z0-9._/:-]|@sha256:)*[A-Za-z0-9._:-]*$`)
)

// source checks what entry says about where its image comes from and names the image.
func (e entry) source(software, version string) (Image, error) {
	img := Image{Name: software + "-" + version}
	switch {
	case !versionPattern.MatchString(version):
		return img, errors.New("a version is made of numbers and dots, such as \"10.6\" or \"2.x\"")
	case e.Debian == "" && e.Image == "":
		return img, errors.New("say where it comes from: \"image\" (an OCI reference) or \"debian\" (a suite)")
	case e.Debian != "" && e.Image != "":
		return img, errors.New("give one of \"image\" and \"debian\", not both")
	case e.Image != "" && !referencePattern.MatchString(e.Image):
		return img, fmt.Errorf("image %q is not an OCI reference", e.Image)
	}
	img.Reference = e.Image
	return img, nil
}

// suite checks that Debian's suite has this version of the software.
func (e entry) suite(version string, has map[string]string) (string, error) {
	if got, ok := has[e.Debian]; ok && got == version {
		return e.Debian, nil
	}
	if len(has) == 0 {
		return "", errors.New("Debian does not package it: give an \"image\"")
	}
	var known []string
	for _, s := range slices.Sorted(maps.Keys(has)) {
		known = append(known, s+" ("+has[s]+")")
	}
	return "", fmt.Errorf("debian %q does not have it; the suites that can be assembled: %s", e.Debian, strings.Join(known, ", "))
}

// kind is a type of service: what is the same in all its versions, and how the two sorts
// of images differ.
type kind struct {
	software string            // stem of the image's name
	suites   map[string]string // suite -> the version that it has
	service  Service           // without Version, Image, EndOfLife
	debian   func(suite string, s *Service) *Debian
	official func(version string, s *Service) // for the images that the software's makers publish
}

// newServices returns the services, one for each type, that an entry of a catalog file
// stands for.
func newServices(name, version string, e entry) ([]Service, error) {
	types, ok := kinds()[name]
	if !ok {
		return nil, fmt.Errorf("not a type that the platform can run; the types are: %s",
			strings.Join(slices.Sorted(maps.Keys(kinds())), ", "))
	}
	var out []Service
	for serviceType, k := range types {
		s, err := k.newService(serviceType, version, e)
		if err != nil {
			return nil, err
		}
		out = append(out, s)
	}
	return out, nil
}

func (k kind) newService(serviceType, version string, e entry) (Service, error) {
	img, err := e.source(k.software, version)
	if err != nil {
		return Service{}, err
	}
	s := k.service
	s.Type, s.Version, s.EndOfLife = serviceType, version, e.EndOfLife.Time
	s.Env = maps.Clone(s.Env)
	if e.Debian != "" {
		suite, err := e.suite(version, k.suites)
		if err != nil {
			return Service{}, err
		}
		img.Debian = k.debian(suite, &s)
	} else {
		k.official(version, &s)
	}
	s.Image = img
	e.override(&s)
	return s, nil
}

// override lets the operator's entry win over what the type has.
func (e entry) override(s *Service) {
	if e.User != "" {
		s.User = e.User
	}
	if e.DataDir != "" {
		s.DataDir = e.DataDir
	}
	for to, from := range map[*[]string][]string{
		&s.Command: e.Command, &s.Health: e.Health, &s.SetupCommand: e.SetupCommand, &s.Tmpfs: e.Tmpfs,
	} {
		if from != nil {
			*to = from
		}
	}
	if e.Env != nil {
		s.Env = e.Env
	}
}

// kinds lists the software that runs as a service, by the name that a catalog file has
// for it, with the types in services.yaml that it serves: "mysql" and "mariadb" are the
// same; "redis-persistent" is Redis with a disk.
func kinds() map[string]map[string]kind {
	return map[string]map[string]kind{
		"mysql":         {"mysql": mariadb(), "mariadb": mariadb()},
		"redis":         {"redis": redis(redisCache), "redis-persistent": redis(redisPersistent)},
		"valkey":        {"valkey": valkey(redisCache), "valkey-persistent": valkey(redisPersistent)},
		"rabbitmq":      {"rabbitmq": rabbitmq()},
		"memcached":     {"memcached": memcached()},
		"opensearch":    {"opensearch": opensearch()},
		"elasticsearch": {"elasticsearch": elasticsearch()},
	}
}

// The user of the services that are assembled here: the same number in every image, so
// that data directories stay readable when a service moves to another version.
const (
	serviceUID  = "950"
	serviceUser = serviceUID + ":" + serviceUID
)

// ownUser makes the user that a service runs as, whether or not its package made one.
func ownUser(name, home string) string {
	return strings.NewReplacer("NAME", name, "ID", serviceUID, "HOME", home).Replace(`
if getent group NAME >/dev/null; then groupmod -g ID NAME; else groupadd -g ID NAME; fi
if getent passwd NAME >/dev/null; then
    usermod -u ID -g ID -d HOME NAME
else
    useradd -u ID -g ID -d HOME -M -s /usr/sbin/nologin NAME
fi
rm -rf HOME
install -d -o ID -g ID -m 0750 HOME
`)
}

// stopService is how long a service that has data may take to write it out.
const stopService = time.Minute
