// Package acceptance is tests only: the cases by which the original is tested as a whole, run against the whole toolkit. The program is given a PHP, a Composer
// and programs of the system that are this test binary, databases in memory and servers of
// the test's own; everything between is the real thing.
//
// A script of testdata is one case or several; the table in cases_test.go says which, and
// which cases are not tested here and why. codes_test.go raises every error code.
package acceptance
