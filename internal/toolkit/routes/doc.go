// Package routes makes the base URLs of the shop from the platform's routes: which URL is
// secure, which is not, and which domain of the project each belongs to (spec: ece-tools
// 10.2). It is pure: the decoded routes are its argument.
package routes
