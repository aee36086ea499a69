// Package ssi expands server-side includes in HTML, in the dialect of nginx's
// ngx_http_ssi_module:
//
//	<!--# include virtual="/path?query" set="name" stub="block" -->   also file=
//	<!--# set var="name" value="text with $variables" -->
//	<!--# echo var="name" default="text" encoding="none|url|entity" -->
//	<!--# if expr="$name = text" -->  elif, else, endif; also "$name", !=, = /regex/
//	<!--# block name="name" -->  endblock
//	<!--# config errmsg="text" timefmt="…" -->  timefmt is ignored
//
// What nginx has and this does not: wait, perl, nested conditions.
//
// Of edge side includes it knows what Magento needs: esi:include and esi:remove.
//
// A document is text from somebody else: every loop, length and count is bounded, an
// expression cannot be made slow, and what cannot be understood becomes the error message
// that nginx writes, in its place. Where included text comes from is the caller's to say.
// It imports the standard library only and does no I/O.
package ssi
