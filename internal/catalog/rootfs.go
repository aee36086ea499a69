package catalog

import (
	"embed"
	"path"
)

// rootfs holds the scripts and configuration of the assembled images.
//
//go:embed rootfs
var rootfs embed.FS

// toolDir is where the images keep the platform's own scripts.
const toolDir = "/usr/lib/sluice/"

// script is an embedded shell script, installed as toolDir + name.
func script(source, name string) File { return asset(source, toolDir+name, 0o755) }

// asset is an embedded file, installed as target.
func asset(source, target string, mode uint32) File {
	content, err := rootfs.ReadFile(path.Join("rootfs", source))
	if err != nil {
		panic("catalog: " + err.Error()) // a name in this package is wrong; every test would see it
	}
	return File{Path: target, Mode: mode, Content: string(content)}
}
