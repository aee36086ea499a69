// Package scd is what the steps of build and deploy have in common about static content:
// it reads the stage variables, resolves the themes of the matrix, logs in the
// words of the original, and clears directories without delay. How content is made and
// compressed is decided by toolkit/static.
package scd
