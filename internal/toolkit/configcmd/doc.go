// Package configcmd are the commands that show and write configuration: env:config:show,
// config:digest, cloud:config:create, update and validate, and the generated references.
//
// A command either writes a whole file or leaves it as it was. None runs Magento.
package configcmd
