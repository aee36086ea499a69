// Package stage resolves the stage variables of .magento.env.yaml and of the platform:
// which source wins in which stage, how texts are decoded, and where each value came from.
// The variables themselves, with their types, stages and defaults, are the table of the
// manifest package.
//
// It reads no files and no environment: the parsed file and the decoded variables are its
// arguments.
package stage
