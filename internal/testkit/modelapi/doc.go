// Package modelapi is a model of the API server, in memory: it does what the operator and the harness rely on as the real one does, and
// is so cheap that every test can have one of its own. Nothing in it happens by itself, and two runs with the same calls give the same
// UIDs, resource versions and times.
//
// What the real API server has libraries for is done by them: server-side apply and managed fields, structural schemas with defaulting,
// pruning and CEL, the patches, and the checks of metadata before a create or an update. What is written here is the store, the order
// of those steps, what deletion does, and what the few built-in kinds add of their own. Garbage collection and the deletion of
// namespaces are done at once, right after the write that causes them.
//
// The differential suite of this package plays random scripts at a model and at a real API server, and compares each answer. What the
// model does not have, it refuses in so many words: kinds that nobody here uses, watches, admission policies, quotas, rights.
package modelapi
