// Package command is the command line of the toolkit, called sluice-toolkit and ece-tools:
// names, arguments and options of the commands (spec: ece-tools 8). It builds the kit and
// hands over to the packages that do the work.
package command
