// Package rest is the HTTP layer below every vendor: one request, one connection, one verdict.
//
// A token API is not like other APIs. A create that is sent twice makes two tokens, a create whose answer is lost may
// have made one, and an answer may hold a secret. So this layer never repeats a request, says of every failure whether
// the request may have been carried out, bounds what it reads, and lets nothing that the other side wrote into an error.
//
// Every call has a connection of its own. The rate of calls is low enough for that, and it takes away what a pool of
// idle connections brings along: the transport's silent repetition of requests on a connection that turned out to be
// dead, and connections that outlive the credentials, certificates and addresses they were opened under.
package rest
