// Package rackgateway speaks the API of Rack Gateway's API tokens, which let pipelines and other programs through a Convox
// rack's gateway.
//
// What Rack Gateway documents: a token begins with "rgw_" and goes into the Authorization header; its value is shown once,
// when it is made, and only a hash is kept; it carries permissions of its own, for which a role may stand when it is made; it
// has a name, who made it, when, and when it was last used; it lives until somebody deletes it, and does not expire; admins
// manage tokens; the audit log calls a token by a number.
//
// What its document leaves open, and is taken from its published source: paths, methods and statuses; that a token is
// addressed by a UUID and not by the number of the audit log; that names are unique on the whole gateway and have 150
// characters at most, and permissions 4000 bytes of JSON; that a deleted row is gone; that an empty list, and a token that
// is not there, may be written as null; that a name which is taken is answered like a malformed request (400); that
// permissions can be replaced in place; that requests for another host name than the gateway's are refused.
//
// What is assumed of neither: when a deletion takes effect. A token counts as revoked once it is seen to be gone.
package rackgateway
