// Package oidc speaks OpenID Connect with providers that log people in: it reads the
// operator's file that names them, sends browsers there, and turns what a provider signs into
// a platform.Identity.
//
// It checks the protocol (signature, issuer, audience, nonce, times) and decides nothing about
// accounts: whose an identity is, package account says. It keeps the public keys of providers
// and nothing else, and may import platform only. Neither tokens nor the client's secret reach
// a log or an error.
package oidc
