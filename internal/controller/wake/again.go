package wake

import (
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"
)

// ConflictPause is how long a newer object may take to arrive after a write that met it. Its event may be one that nobody waits
// for: a status.
const ConflictPause = time.Second

// MetNewer tells whether a write failed for nothing but that what had been read was old: another look shows the newer object.
func MetNewer(err error) bool {
	return apierrors.IsConflict(err) || apierrors.IsNotFound(err) || apierrors.IsAlreadyExists(err)
}

// AfterError looks again soon where a write met a newer object, and keeps every other error.
func AfterError(err error) (reconcile.Result, error) {
	if MetNewer(err) {
		return reconcile.Result{RequeueAfter: ConflictPause}, nil
	}
	return reconcile.Result{}, err
}
