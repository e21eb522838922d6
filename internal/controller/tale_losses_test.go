package controller_test

import (
	"slices"
	"strconv"

	"pgregory.net/rapid"

	"github.com/gatewaytoken/gateway-token-operator/internal/testkit/harness"
)

// ofLosses are what is lost, and what a backup brings back. Where tokens have no names, it is the Secret that tells of them, and its copy in the
// status: with both lost, or both older, nothing does, which is a limit that is known. Of these the Secret is lost elsewhere.
func (at *scene) ofLosses() happens {
	keep := either("what there is of %s is kept in a backup", (*tale).keep)
	store := just("the API server's store is kept in a backup, or put back from it", (*tale).rollBack)
	all := []happens{keep}
	if at.named {
		all = append(all,
			either("the status of %s is wiped", (*tale).wipeStatus),
			either("an older status of %s is put back", (*tale).restoreStatus),
			either("GatewayToken %s is put back from the backup", (*tale).restoreObject),
			either("GatewayToken %s vanishes at once", (*tale).vanish),
			just("the operator loses its ledger key", (*tale).loseLedgerKey),
			store,
		)
	}
	if !at.keepsSecrets {
		all = append(all, either("an older Secret %s is put back", (*tale).restoreSecret))
	}
	return rapid.OneOf(all...)
}

// keep takes a backup.
func (l *tale) keep(name string) {
	if object := l.have(name); object != nil {
		l.backups[name] = backup{object: object.DeepCopy(), secret: l.Secret(name)}
	}
}

func (l *tale) wipeStatus(name string) {
	if object := l.have(name); object != nil {
		l.WipeStatus(object)
	}
}

func (l *tale) restoreStatus(name string) {
	kept := l.backups[name]
	if object := l.have(name); object != nil && kept.object != nil && kept.object.UID == object.UID {
		l.RestoreStatus(kept.object)
	}
}

// restoreSecret puts back a Secret that was kept, which may hold a token that is revoked since.
func (l *tale) restoreSecret(name string) {
	kept, object := l.backups[name], l.have(name)
	if kept.secret == nil || object == nil || (!l.named && kept.object.UID != object.UID) {
		// Where tokens have no names, only the status that belongs to a Secret tells that what it holds is dead.
		return
	}
	l.lose(1)
	l.restored = true
	l.excuseEnded()
	if secret := l.Secret(name); secret != nil {
		l.Vanish(secret)
	}
	harness.PutBack(l.World, kept.secret)
}

// restoreObject puts back a GatewayToken that is gone, under another UID.
func (l *tale) restoreObject(name string) {
	kept := l.backups[name]
	if kept.object == nil || l.have(name) != nil {
		return
	}
	l.causes++
	restored := kept.object.DeepCopy()
	restored.DeletionTimestamp, restored.DeletionGracePeriodSeconds = nil, nil
	l.objects[name] = harness.PutBack(l.World, restored)
}

func (l *tale) vanish(name string) {
	if object := l.have(name); object != nil {
		l.Vanish(object)
	}
}

func (l *tale) loseLedgerKey() {
	l.serial++
	l.lose(len(l.objects))
	l.RotateLedgerKey(strconv.Itoa(l.serial))
	l.restart()
}

// rollBack keeps all that the API server has or, when there is such a backup, puts it back.
func (l *tale) rollBack() {
	if l.store == nil {
		l.store = l.Snapshot()
		return
	}
	l.lose(len(l.objects))
	l.causes += len(l.objects)
	l.restored = true
	l.excuseEnded()
	l.store()
	l.store = nil
	for _, name := range l.names() {
		l.have(name)
	}
	l.restart()
}

// excuseEnded: what has ended may be found in a Secret again.
func (l *tale) excuseEnded() {
	for _, made := range l.Tokens() {
		if !made.Active {
			l.Excuse(made.ID)
		}
	}
}

// ourActive are the active tokens that somebody else did not make.
func (l *tale) ourActive() []harness.Token {
	return slices.DeleteFunc(l.Active(), func(made harness.Token) bool { return slices.Contains(l.strangers, made.ID) })
}
