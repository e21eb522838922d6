package consumers

import (
	"fmt"
	"slices"
)

// Request asks for the restart of workloads that use a Secret.
type Request struct {
	// For is the token that the Secret holds now.
	For Entry
	// Secret is the Secret's name.
	Secret string
	// All selects every workload that uses the Secret, Targets those that are named. Neither selects none.
	All     bool
	Targets []Ref
}

// Verdict is what a request comes to. Its lists are sorted; a workload is in at most one of them, but for Keeping.
type Verdict struct {
	// Due are to be restarted.
	Due []Workload
	// Done were restarted for this token, or for a later one, and are not restarted again.
	Done []Ref
	// Paused are Deployments that their owner has paused. They are not touched: whoever resumes them would start more than he
	// knows of. Nor are they Done, since their pods stay.
	Paused []Ref
	// Unselected use the Secret, and are somebody else's business.
	Unselected []Ref
	// Missing are targets that do not exist, Unconcerned those that exist and do not use the Secret.
	Missing, Unconcerned []Ref
	// Keeping are those of Due and Done that do not replace all of their pods for a new template, with their reasons. They get the
	// annotation like any other, so that whatever replaces their pods makes the right ones.
	Keeping []Keeping
	// Unknown are the kinds of which nothing is known, since they could not be listed.
	Unknown []string

	request Entry
}

// Keeping is a workload whose pods stay until somebody deletes them, and why: its OnDelete strategy, or a partition.
type Keeping struct {
	Ref
	Why string
}

// Judge tells which workloads are to be restarted, and what there is to say of the others. It looks at templates: pods that
// have the Secret from elsewhere, as from the imagePullSecrets of their ServiceAccount, are found as holders only. So are those
// of workloads that are being deleted: they go by themselves.
func Judge(workloads Workloads, request Request) Verdict {
	verdict := Verdict{request: request.For, Unknown: slices.Sorted(slices.Values(workloads.Unknown))}
	found := map[Ref]bool{}
	for i := range workloads.Items {
		w := &workloads.Items[i]
		found[w.Ref] = true
		add(&verdict, w, request)
	}
	for _, target := range request.Targets {
		if !found[target] && !slices.Contains(workloads.Unknown, target.Kind) && !request.All {
			verdict.Missing = append(verdict.Missing, target)
		}
	}
	sortLists(&verdict)
	return verdict
}

func add(v *Verdict, w *Workload, request Request) {
	uses := Uses(&w.Spec, request.Secret)
	listed := !request.All && slices.Contains(request.Targets, w.Ref)
	switch {
	case !uses && listed:
		v.Unconcerned = append(v.Unconcerned, w.Ref)
	case !uses, w.Terminating:
	case !listed && !request.All:
		v.Unselected = append(v.Unselected, w.Ref)
	case w.Paused:
		v.Paused = append(v.Paused, w.Ref)
	default:
		addSelected(v, w, request.For)
	}
}

func addSelected(v *Verdict, w *Workload, entry Entry) {
	if w.Keeps != "" {
		v.Keeping = append(v.Keeping, Keeping{Ref: w.Ref, Why: w.Keeps})
	}
	if w.Note.Has(entry) {
		v.Done = append(v.Done, w.Ref)
	} else {
		v.Due = append(v.Due, *w)
	}
}

func sortLists(v *Verdict) {
	slices.SortFunc(v.Due, func(a, b Workload) int { return compareRefs(a.Ref, b.Ref) })
	slices.SortFunc(v.Keeping, func(a, b Keeping) int { return compareRefs(a.Ref, b.Ref) })
	for _, refs := range []*[]Ref{&v.Done, &v.Paused, &v.Unselected, &v.Missing, &v.Unconcerned} {
		*refs = sortedRefs(*refs)
	}
}

// HeldBy leaves out the workloads that have nothing to do with the pods which hold the old value: those whose pods all have the new one
// need no restart, however they came by it. Nor do those whose old pods are all being deleted. Who was restarted and has old pods still
// is being restarted.
func (v Verdict) HeldBy(holding Holding) Verdict {
	holds, stays := map[Ref]bool{}, map[Ref]bool{}
	for _, holder := range holding.Holders {
		holds[holder.Owner] = true
		stays[holder.Owner] = stays[holder.Owner] || !holder.Leaving
	}
	v.Due = slices.DeleteFunc(slices.Clone(v.Due), func(w Workload) bool { return !stays[w.Ref] })
	v.Done = slices.DeleteFunc(slices.Clone(v.Done), func(ref Ref) bool { return !holds[ref] })
	v.Paused = slices.DeleteFunc(slices.Clone(v.Paused), func(ref Ref) bool { return !stays[ref] })
	v.Keeping = slices.DeleteFunc(slices.Clone(v.Keeping), func(k Keeping) bool { return !stays[k.Ref] })
	return v
}

// Keeps tells whether a workload keeps pods until somebody deletes them.
func (v Verdict) Keeps(ref Ref) bool {
	return slices.ContainsFunc(v.Keeping, func(k Keeping) bool { return k.Ref == ref })
}

// Text says for a condition what a person may want to do something about, in at most 512 bytes; empty for nothing. What is due
// or done, and what was not selected, is no trouble.
func (v Verdict) Text() string {
	var parts []string
	for _, kind := range v.Unknown {
		parts = append(parts, "the operator may not list objects of kind "+kind)
	}
	for _, ref := range v.Missing {
		parts = append(parts, ref.String()+" does not exist")
	}
	for _, ref := range v.Unconcerned {
		parts = append(parts, ref.String()+" does not use the Secret")
	}
	for _, ref := range v.Paused {
		parts = append(parts, ref.String()+" is paused")
	}
	for _, keeping := range v.Keeping {
		parts = append(parts, fmt.Sprintf("%s (%s) waits for somebody to delete its pods", keeping.Ref, keeping.Why))
	}
	return sentence(parts)
}

// Restart is a workload that is to be restarted, once, for all of these entries.
type Restart struct {
	Workload
	For []Entry
}

// Restarts puts the due workloads of several verdicts together, so that each is restarted once for all that are due. The
// verdicts must come from one list: a restart is conditional on what was read. They are sorted by kind and name.
func Restarts(verdicts ...Verdict) []Restart {
	var all []Restart
	at := map[Ref]int{}
	for _, verdict := range verdicts {
		for _, due := range verdict.Due {
			i, known := at[due.Ref]
			if !known {
				i, at[due.Ref] = len(all), len(all)
				all = append(all, Restart{Workload: due})
			}
			all[i].For = append(all[i].For, verdict.request)
		}
	}
	slices.SortFunc(all, func(a, b Restart) int { return compareRefs(a.Ref, b.Ref) })
	return all
}
