package wake

import (
	"errors"
	"fmt"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
)

func TestAfterError(t *testing.T) {
	secrets := corev1.Resource("secrets")
	tests := map[string]struct {
		reason string
		err    error
		pause  time.Duration
		fails  bool
	}{
		"none":           {"nothing is the matter", nil, 0, false},
		"conflict":       {"somebody wrote it meanwhile", apierrors.NewConflict(secrets, "a", errors.New("changed")), ConflictPause, false},
		"gone":           {"somebody deleted it meanwhile", apierrors.NewNotFound(secrets, "a"), ConflictPause, false},
		"there already":  {"somebody created it meanwhile", apierrors.NewAlreadyExists(secrets, "a"), ConflictPause, false},
		"wrapped":        {"what was attempted is told with it", fmt.Errorf("patch: %w", apierrors.NewNotFound(secrets, "a")), ConflictPause, false},
		"refused":        {"another look does not help", apierrors.NewForbidden(secrets, "a", errors.New("no")), 0, true},
		"not Kubernetes": {"nothing is known of it", errors.New("broken"), 0, true},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			result, err := AfterError(tc.err)
			if result.RequeueAfter != tc.pause || (err != nil) != tc.fails {
				t.Errorf("%s: got %v and %v, want a pause of %v", tc.reason, result, err, tc.pause)
			}
		})
	}
}
