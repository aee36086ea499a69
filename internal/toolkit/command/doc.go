// Package command is the command line of the toolkit, called sluice-toolkit and ece-tools:
// names, arguments and options of the commands. It builds the kit and
// hands over to the packages that do the work.
package command
