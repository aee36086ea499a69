// Package scd is what the steps of build and deploy have in common about static content:
// it reads the stage variables, resolves the themes of the matrix, logs as the
// specification words it, and clears directories without making anybody wait (spec:
// ece-tools 9, A.3). How content is made and compressed is decided by toolkit/static.
package scd
