// Package kit is what every step, validator, wizard and command of the toolkit is given:
// the application's tree, the stage variables, the log, the shell, what the platform says,
// the databases. It declares the interfaces between the engine and the steps.
//
// It holds no logic of a step; who builds it is toolkit/command.
package kit
