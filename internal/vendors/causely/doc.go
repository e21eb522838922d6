// Package causely speaks the API of Causely's gateway tokens, which authenticate its mediators.
//
// What Causely documents: tokens are created by name (201), listed as one array that has active and revoked tokens in it,
// with the value of the active ones, and revoked for ever by ID (200, the state in the answer). Access is by a bearer token
// that client credentials are exchanged for. What it does not document, and what is taken as possible here: names that are
// not unique, an empty value for credentials without the right role, and any answer to a second revocation.
package causely
