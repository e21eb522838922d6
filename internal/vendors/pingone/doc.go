// Package pingone speaks the API of PingOne's gateway credentials, with which gateways identify themselves.
//
// What PingOne's document of the create says: a POST without a body to a gateway of an environment answers 201 with ID, time of
// creation and the credential, a JWT; a gateway has five credentials at most. In the document's sample the JWT's claims name
// the credential's ID (jti) and the gateway, and there is no expiry among them.
//
// What is known from PingOne's public material and not from that document: regions and hosts; the login of a worker
// application, whose rights come from its roles; that lists are HAL and have no values, that one credential can be asked for by
// its ID, that rows tell when it was last used, and that a deletion removes the row. What nobody wrote down and is taken as
// possible here: 204 for a deletion, the refusal of a sixth credential (refused, full), pages of a list of five, and 404 for whatever
// on the path does not exist (missing).
//
// A credential has no name. Nothing at PingOne tells who made it, so that this package cannot either: it gives the IDs that
// were there, and of a value the ID that it belongs to (Proof).
package pingone
