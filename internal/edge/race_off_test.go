//go:build !race

package edge

// raceShare is nothing: this binary is what users have.
const raceShare = 0
