package gatewaytoken

import (
	"context"
	"slices"
	"strings"

	"sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/gatewaytoken/gateway-token-operator/api/v1alpha1"
	"github.com/gatewaytoken/gateway-token-operator/internal/lifecycle"
	"github.com/gatewaytoken/gateway-token-operator/internal/status"
	"github.com/gatewaytoken/gateway-token-operator/internal/token"
	"github.com/gatewaytoken/gateway-token-operator/internal/vendors"
)

// judgeRights asks the vendor which rights there are before a token is asked for, so that a misspelt one is told with those that
// could be meant. It gives the rights that a role stands for, and an outcome where they are not to be asked for.
func (r *Reconciler) judgeRights(ctx context.Context, s *scene, role string, rights []string) ([]string, *outcome) {
	catalogued, ok := s.account.Vendor.(vendors.Cataloguer)
	if !ok || (role == "" && len(rights) == 0) {
		return rights, nil
	}
	catalogue, err := catalogued.Catalogue(ctx)
	if f := token.AsFailure(err); f != nil {
		r.alarm(s, f)
		failed := vendorFailed(f, status.CreateProblem(f))
		return nil, &failed
	}
	if problem := unknownRights(catalogue, role, rights); problem != nil {
		return nil, &outcome{Outcome: status.Outcome{Problem: problem, Kind: status.Refusal}}
	}
	if len(rights) == 0 {
		rights = catalogue.Roles[role]
	}
	return rights, nil
}

// unknownRights finds what the vendor does not know. What an asterisk stands for is the vendor's to say: catalogues have the words
// themselves.
func unknownRights(catalogue vendors.Catalogue, role string, rights []string) *lifecycle.Problem {
	if _, known := catalogue.Roles[role]; role != "" && len(rights) == 0 && !known {
		roles := make([]string, 0, len(catalogue.Roles))
		for name := range catalogue.Roles {
			roles = append(roles, name)
		}
		slices.Sort(roles)
		return &lifecycle.Problem{Reason: v1alpha1.ReasonInvalidRole, Message: "The vendor knows no role " + printable(role) + ". It knows " + listed(roles) + ". Correct the spec."}
	}
	var unknown []string
	for _, right := range rights {
		if !slices.Contains(catalogue.Rights, right) && !strings.Contains(right, "*") {
			unknown = append(unknown, right)
		}
	}
	if len(unknown) == 0 || len(catalogue.Rights) == 0 {
		return nil
	}
	return &lifecycle.Problem{Reason: v1alpha1.ReasonInvalidScope, Message: "The vendor does not know " + listed(unknown) + ". It knows " + listed(catalogue.Rights) + ". Correct the spec."}
}

// maxListed bounds what is quoted of a vendor's catalogue.
const maxListed = 40

func listed(names []string) string {
	shown := make([]string, 0, min(len(names), maxListed))
	for _, name := range names[:min(len(names), maxListed)] {
		shown = append(shown, printable(name))
	}
	text := strings.Join(shown, ", ")
	if len(names) > maxListed {
		text += " and others"
	}
	return text
}

// change has the vendor allow the current token something else. The ledger is written by the next look.
func (r *Reconciler) change(ctx context.Context, s *scene, d lifecycle.Change) (outcome, error) {
	updater, ok := s.account.Vendor.(vendors.Updater)
	if !ok {
		return outcome{}, nil
	}
	rights, refused := r.judgeRights(ctx, s, d.Role, d.Rights)
	if refused != nil {
		return *refused, nil
	}
	log.FromContext(ctx).Info("changing what a token is allowed", "id", d.ID)
	// Until the vendor has answered, nobody knows what it is allowed, whatever it said before.
	s.memory.changed = ""
	if f := token.AsFailure(updater.Update(ctx, d.ID, rights)); f != nil {
		if f.Class == token.Ambiguous || f.Class == token.Unavailable {
			s.memory.changeDoubted = r.Clock.Now()
		}
		r.alarm(s, f)
		return vendorFailed(f, status.ChangeProblem(f)), nil
	}
	s.memory.changed, s.memory.changedAt = d.Inputs, r.Clock.Now()
	r.tell(s.object, "RightsChanged", "Token "+string(d.ID)+" was given other rights; its value stays.")
	return outcome{again: true, Outcome: status.Outcome{Done: true}}, nil
}

// confirm asks the vendor for one token that a list lacks.
func (r *Reconciler) confirm(ctx context.Context, s *scene, d lifecycle.Confirm) (outcome, error) {
	finder, ok := s.account.Vendor.(vendors.Finder)
	if !ok {
		return outcome{}, nil
	}
	found, err := finder.Find(ctx, d.ID)
	f := token.AsFailure(err)
	switch {
	case f == nil && found.State != token.Revoked:
		// The list was behind. What it lacks is asked of the next one.
		s.memory.there[d.ID] = r.Clock.Now()
		return outcome{again: true}, nil
	case f == nil, f.Class == token.NotFound:
		s.memory.gone[d.ID] = true
		return outcome{again: true}, nil
	default:
		r.alarm(s, f)
		return vendorFailed(f, status.ConfirmProblem(f)), nil
	}
}
