// Package causeloop speaks the API of Causeloop's machine credentials: personal API tokens, which belong to a person, and
// service accounts, which belong to a workspace and have tokens.
//
// What Causeloop documents: paths and methods; that values are shown once; scopes, and a call that lists them; an optional
// expiry of personal tokens; names that are unique, those of service accounts whatever their case; that a token of a service
// account has the scopes which the account had when it was issued; that a revoked token works no more from that moment on
// (401), and that all tokens of a service account end with it.
//
// What it does not document, and what is assumed here: all bodies, and all statuses but 401. Whatever makes something
// answers 201 or 200 with the object, whose value is called secret or token. Whatever ends something answers 204, or 200 with
// JSON; what is not known 404 with an error that has a code. Lists are pages, one object with all rows, or an array alone.
// Revoked tokens may be listed or not. Times are RFC 3339. No path lists the tokens of a service account, and nothing is made
// of what a list of accounts may say about them.
//
// Three pools of tokens follow from that:
//
//   - personal: the tokens of the person whose token the credential is.
//   - dedicated: one service account per token. The account has the marker in its name, which a list shows, so that its ID
//     stands for the token. Its deletion ends the token, also one whose value was lost.
//   - existing/<service account ID>: tokens of an account that somebody else manages. They cannot be listed, so that one
//     whose answer was lost stays unknown.
package causeloop
