package consumers

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
)

var published = time.Date(2026, 11, 28, 12, 0, 0, 0, time.UTC)

type podOption func(*corev1.Pod)

// aPod runs on a node, was created an hour before the publication and reads the Secret into its environment, unless an option
// says otherwise.
func aPod(name string, options ...podOption) corev1.Pod {
	pod := corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Name: name, Namespace: "causely", CreationTimestamp: metav1.NewTime(published.Add(-time.Hour))},
		Spec:       corev1.PodSpec{NodeName: "node-1", Containers: []corev1.Container{{Name: "main", Env: fromKey()}}},
		Status:     corev1.PodStatus{Phase: corev1.PodRunning},
	}
	for _, option := range options {
		option(&pod)
	}
	return pod
}

func created(after time.Duration) podOption {
	return func(p *corev1.Pod) { p.CreationTimestamp = metav1.NewTime(published.Add(after)) }
}

func phase(phase corev1.PodPhase) podOption { return func(p *corev1.Pod) { p.Status.Phase = phase } }

func specced(spec corev1.PodSpec) podOption {
	return func(p *corev1.Pod) {
		spec.NodeName = p.Spec.NodeName
		p.Spec = spec
	}
}

func unscheduled(p *corev1.Pod) { p.Spec.NodeName, p.Status.Phase = "", corev1.PodPending }

func terminating(p *corev1.Pod) {
	p.DeletionTimestamp = ptr.To(metav1.NewTime(published.Add(time.Minute)))
}

func mirror(p *corev1.Pod) {
	p.Annotations = map[string]string{corev1.MirrorPodAnnotationKey: "5f2d", "kubernetes.io/config.source": "file"}
}

// restarted: a container ended and was started again, with an environment read anew.
func restarted(p *corev1.Pod) {
	p.Status.ContainerStatuses = []corev1.ContainerStatus{{
		Name: "main", RestartCount: 1,
		State: corev1.ContainerState{Running: &corev1.ContainerStateRunning{StartedAt: metav1.NewTime(published.Add(time.Hour))}},
	}}
}

func ownedBy(apiVersion, kind, name string, labels ...string) podOption {
	return func(p *corev1.Pod) {
		p.OwnerReferences = []metav1.OwnerReference{
			{APIVersion: "v1", Kind: "ConfigMap", Name: "not-the-controller"},
			{APIVersion: apiVersion, Kind: kind, Name: name, Controller: ptr.To(true)},
		}
		p.Labels = map[string]string{}
		for i := 0; i+1 < len(labels); i += 2 {
			p.Labels[labels[i]] = labels[i+1]
		}
	}
}

// margin is the one by default.
const margin = 10 * time.Second

func TestHolds(t *testing.T) {
	const later = 24 * time.Hour
	whole := inVolume(inFiles())
	both := inVolume(inFiles())
	both.Containers[0].Env = fromKey()
	part := inVolume(inFiles(), func(m *corev1.VolumeMount) { m.SubPath = "token" })
	pulled := inVolume(inFiles())
	pulled.ImagePullSecrets = []corev1.LocalObjectReference{local()}

	tests := map[string]struct {
		reason  string
		options []podOption
		reloads bool
		now     time.Duration // since the publication; a day when zero
		unknown bool          // nobody knows when it was
		want    bool
	}{
		"older":                     {reason: "it got what was there", want: true},
		"another Secret":            {reason: "it is not concerned", options: []podOption{specced(corev1.PodSpec{})}},
		"succeeded":                 {reason: "nothing runs any more", options: []podOption{phase(corev1.PodSucceeded)}},
		"failed":                    {reason: "nothing runs any more", options: []podOption{phase(corev1.PodFailed)}},
		"of a lost node":            {reason: "it may still run", options: []podOption{phase(corev1.PodUnknown)}, want: true},
		"created at the time":       {reason: "clocks of API servers differ", options: []podOption{created(0)}, want: true},
		"created at the margin":     {reason: "its time is cut to seconds, and the margin has to be behind it", options: []podOption{created(margin)}, want: true},
		"created behind the margin": {reason: "its kubelet looked the new value up", options: []podOption{created(margin + time.Second)}},
		"without a creation":        {reason: "in doubt it holds", options: []podOption{func(p *corev1.Pod) { p.CreationTimestamp = metav1.Time{} }}, want: true},
		"created for a restart":     {reason: "restarts are late enough even where the answering API server's clock is seconds behind", options: []podOption{created(margin + time.Second)}},
		"no publication":            {reason: "nothing is known, so nothing is let go", unknown: true, options: []podOption{created(later)}, want: true},
		"no publication, no node":   {reason: "nothing is known, so nothing is let go", unknown: true, options: []podOption{unscheduled}, want: true},
		"no publication, ended":     {reason: "what has ended holds nothing, whatever is not known", unknown: true, options: []podOption{phase(corev1.PodFailed)}},

		"restarted container":  {reason: "its other containers may still have the old value, and nobody can tell", options: []podOption{restarted}, want: true},
		"started late":         {reason: "creation counts; here a container of a new pod started late", options: []podOption{created(time.Minute), restarted}},
		"pending on a node":    {reason: "the kubelet may have looked the Secret up, and reports late", options: []podOption{phase(corev1.PodPending)}, want: true},
		"pending, no node":     {reason: "no kubelet has heard of it, and the one that will looks the Secret up then", options: []podOption{unscheduled}},
		"pending, no node yet": {reason: "within the margin even a kubelet that hears of it now may find the old one", options: []podOption{unscheduled}, now: margin, want: true},
		"terminating":          {reason: "it works on until it is gone", options: []podOption{terminating}, want: true},
		"terminating, new":     {reason: "it has the new value", options: []podOption{terminating, created(time.Minute)}},
		"terminating, no node": {reason: "it never ran", options: []podOption{terminating, unscheduled}},
		"terminating, ended":   {reason: "nothing runs any more", options: []podOption{terminating, phase(corev1.PodSucceeded)}},
		"mirror pod":           {reason: "it uses the Secret like any other", options: []podOption{mirror}, want: true},
		"mirror pod, new":      {reason: "a mirror is made anew when somebody deletes it, while the static pod runs on", options: []podOption{mirror, created(time.Hour)}, want: true},

		"files, which nobody reloads":  {reason: "that files change helps nobody who does not look", options: []podOption{specced(whole)}, want: true},
		"files, not reloaded yet":      {reason: "the kubelet takes its time", options: []podOption{specced(whole)}, reloads: true, now: ReloadTime, want: true},
		"files, reloaded":              {reason: "the kubelet has replaced them, and the pod has read them", options: []podOption{specced(whole)}, reloads: true, now: ReloadTime + time.Second},
		"files of a new pod":           {reason: "it needs to reload nothing", options: []podOption{specced(whole), created(margin + time.Second)}, reloads: true, now: time.Minute},
		"files and environment":        {reason: "an environment is never reloaded", options: []podOption{specced(both)}, reloads: true, want: true},
		"environment":                  {reason: "an environment is never reloaded", reloads: true, want: true},
		"a part of a volume":           {reason: "a mount of a part never changes", options: []podOption{specced(part)}, reloads: true, want: true},
		"files and image":              {reason: "what pulls the image is not read again", options: []podOption{specced(pulled)}, reloads: true, want: true},
		"files and environment, new":   {reason: "it has the new value", options: []podOption{specced(both), created(time.Minute)}, reloads: true},
		"files of a mirror pod":        {reason: "the kubelet replaces its files, too", options: []podOption{specced(whole), mirror}, reloads: true},
		"files without a publication":  {reason: "nothing is known, so nothing is let go", options: []podOption{specced(whole)}, reloads: true, unknown: true, want: true},
		"projected files, reloaded":    {reason: "they are files like any other", options: []podOption{specced(inVolume(projected()))}, reloads: true},
		"files, terminating, reloaded": {reason: "while it drains it reloads like any other", options: []podOption{specced(whole), terminating}, reloads: true},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			publication := Publication{Secret: secret, At: published, Margin: margin, Reloads: tc.reloads}
			now := published.Add(later)
			if tc.now != 0 {
				now = published.Add(tc.now)
			}
			if tc.unknown {
				publication.At = time.Time{}
			}
			pod := aPod("p", tc.options...)
			if got := publication.Holds(&pod, now); got != tc.want {
				t.Errorf("%s: want %t, got %t", tc.reason, tc.want, got)
			}
		})
	}
}

// started: its container has run since a time after the publication.
func started(after time.Duration) podOption {
	return func(p *corev1.Pod) {
		p.Status.ContainerStatuses = []corev1.ContainerStatus{{
			Name: "main", State: corev1.ContainerState{Running: &corev1.ContainerStateRunning{StartedAt: metav1.NewTime(published.Add(after))}},
		}}
	}
}

// prepared: an init container has run, and ended, since a time after the publication.
func prepared(after time.Duration) podOption {
	return func(p *corev1.Pod) {
		p.Spec.InitContainers = []corev1.Container{{Name: "init", Env: fromKey()}}
		p.Status.InitContainerStatuses = []corev1.ContainerStatus{{
			Name: "init", State: corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{StartedAt: metav1.NewTime(published.Add(after))}},
		}}
	}
}

// sidecar: a container that has nothing to do with the Secret has run since a time after the publication.
func sidecar(after time.Duration) podOption {
	return func(p *corev1.Pod) {
		p.Spec.Containers = append(p.Spec.Containers, corev1.Container{Name: "sidecar"})
		p.Status.ContainerStatuses = []corev1.ContainerStatus{
			{Name: "main", State: corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: "CreateContainerConfigError"}}},
			{Name: "sidecar", State: corev1.ContainerState{Running: &corev1.ContainerStateRunning{StartedAt: metav1.NewTime(published.Add(after))}}},
		}
	}
}

// pulled is a pod whose image is pulled with the Secret.
func pulled() corev1.PodSpec {
	return corev1.PodSpec{ImagePullSecrets: []corev1.LocalObjectReference{local()}, Containers: []corev1.Container{{Name: "main"}}}
}

// crashed: its container ran until after the publication, and waits to be started again.
func crashed(p *corev1.Pod) {
	p.Status.ContainerStatuses = []corev1.ContainerStatus{{
		Name: "main", State: corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: "CrashLoopBackOff"}},
		LastTerminationState: corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{StartedAt: metav1.NewTime(published.Add(-time.Minute))}},
	}}
}

// Pods commonly wait for the first value of a GatewayToken. What ran before it had something else, or nothing.
func TestHoldsFirst(t *testing.T) {
	whole := inVolume(inFiles())
	tests := map[string]struct {
		reason  string
		options []podOption
		reloads bool
		now     time.Duration // since the publication; a minute when zero
		want    bool
	}{
		"waited":                {reason: "nothing of it has started: it waits for the Secret"},
		"started after it":      {reason: "the second in which it was published is over", options: []podOption{started(time.Second)}},
		"started at the time":   {reason: "times are cut to seconds, and in doubt it had started", options: []podOption{started(0)}, want: true},
		"created at the time":   {reason: "it takes a while to start a pod", options: []podOption{created(0), started(0)}},
		"another container":     {reason: "a sidecar does not wait for a Secret that it does not use", options: []podOption{sidecar(-time.Minute)}},
		"an image pulled":       {reason: "whatever has started has its image", options: []podOption{started(-time.Second), specced(pulled())}, want: true},
		"started before":        {reason: "it has what the Secret had before", options: []podOption{started(-time.Second)}, want: true},
		"prepared before":       {reason: "an init container may have left what it read", options: []podOption{prepared(-time.Second), started(time.Second)}, want: true},
		"prepared after":        {reason: "all of it has read the value", options: []podOption{prepared(time.Second)}},
		"crashed":               {reason: "it reads the Secret when it starts again", options: []podOption{crashed}},
		"ended":                 {reason: "nothing runs any more", options: []podOption{started(-time.Second), phase(corev1.PodFailed)}},
		"another Secret":        {reason: "it is not concerned", options: []podOption{started(-time.Second), specced(corev1.PodSpec{})}},
		"files, not reloaded":   {reason: "the kubelet takes its time", options: []podOption{started(-time.Second), specced(whole)}, reloads: true, want: true},
		"files, reloaded":       {reason: "the kubelet has replaced them", options: []podOption{started(-time.Second), specced(whole)}, reloads: true, now: ReloadTime + 2*time.Second},
		"files, nobody reloads": {reason: "that files change helps nobody who does not look", options: []podOption{started(-time.Second), specced(whole)}, now: time.Hour, want: true},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			pod := aPod("p", tc.options...)
			publication := Publication{Secret: secret, At: published.Add(time.Second), Margin: margin, Reloads: tc.reloads, First: true}
			now := published.Add(max(tc.now, time.Minute))
			if got := publication.Holds(&pod, now); got != tc.want {
				t.Errorf("%s: want %t, got %t", tc.reason, tc.want, got)
			}
			if holding := publication.HeldBy(Pods{Items: []corev1.Pod{pod}}, now); holding.Over() == tc.want {
				t.Errorf("%s: Over is %t: %+v", tc.reason, holding.Over(), holding)
			}
			if early := publication.HeldBy(Pods{}, published.Add(margin)); early.Over() {
				t.Error("nodes report a start late, so that it is waited for")
			}
			publication.At = time.Time{}
			if publication.Holds(&pod, now) {
				t.Error("when it was published is not known, and nothing is known to be older")
			}
		})
	}
}

func TestHeldBy(t *testing.T) {
	old := aPod("old")
	tests := map[string]struct {
		reason string
		pods   Pods
		now    time.Duration
		lost   bool // the time of the publication
		want   Holding
		over   bool
	}{
		"nobody":      {reason: "a list that began late enough shows all there are", now: margin + time.Second, over: true},
		"too early":   {reason: "a pod may have been created after the list", now: margin, want: Holding{Early: true}},
		"no time":     {reason: "what is not known is never late enough", now: time.Hour, lost: true, want: Holding{Early: true}},
		"not allowed": {reason: "an empty list that nobody was allowed to see proves nothing", pods: Pods{Unknown: true}, now: time.Hour, want: Holding{Unknown: true}},
		"one of each": {
			reason: "users that have the new value are counted and not named; ended ones are neither",
			pods: Pods{Items: []corev1.Pod{
				old, aPod("new", created(time.Minute)), aPod("ended", phase(corev1.PodSucceeded)), aPod("stranger", specced(corev1.PodSpec{})),
			}},
			now:  time.Hour,
			want: Holding{Users: 2, Holders: []Holder{{Pod: "old", Owner: Ref{Kind: "Pod", Name: "old"}}}},
		},
		"early and held": {reason: "who holds it is named, however early", pods: Pods{Items: []corev1.Pod{old}}, want: Holding{Early: true, Users: 1, Holders: []Holder{{Pod: "old", Owner: Ref{Kind: "Pod", Name: "old"}}}}},
		"all new":        {reason: "that is what was waited for", pods: Pods{Items: []corev1.Pod{aPod("new", created(time.Minute))}}, now: time.Hour, want: Holding{Users: 1}, over: true},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			publication := Publication{Secret: secret, At: published, Margin: margin}
			if tc.lost {
				publication.At = time.Time{}
			}
			got := publication.HeldBy(tc.pods, published.Add(tc.now))
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("%s (-want +got):\n%s", tc.reason, diff)
			}
			if got.Over() != tc.over {
				t.Errorf("%s: Over is %t", tc.reason, got.Over())
			}
		})
	}
}

func TestOwners(t *testing.T) {
	const hash = "pod-template-hash"
	tests := map[string]struct {
		reason string
		option podOption
		want   Ref
	}{
		"naked":             {reason: "nobody will make another", option: func(*corev1.Pod) {}, want: Ref{"Pod", "p"}},
		"Job":               {reason: "it is told as it is", option: ownedBy("batch/v1", "Job", "import-1"), want: Ref{"Job", "import-1"}},
		"StatefulSet":       {reason: "it is told as it is", option: ownedBy("apps/v1", "StatefulSet", "db"), want: Ref{"StatefulSet", "db"}},
		"Deployment":        {reason: "its ReplicaSet has its name and the hash", option: ownedBy("apps/v1", "ReplicaSet", "mediator-7c9f", hash, "7c9f"), want: Ref{"Deployment", "mediator"}},
		"dashes":            {reason: "only the hash is cut off", option: ownedBy("apps/v1", "ReplicaSet", "a-b-7c9f", hash, "7c9f"), want: Ref{"Deployment", "a-b"}},
		"naked ReplicaSet":  {reason: "without a hash it is nobody's", option: ownedBy("apps/v1", "ReplicaSet", "mediator-7c9f"), want: Ref{"ReplicaSet", "mediator-7c9f"}},
		"dash at the end":   {reason: "an empty hash is none", option: ownedBy("apps/v1", "ReplicaSet", "mediator-", hash, ""), want: Ref{"ReplicaSet", "mediator-"}},
		"another hash":      {reason: "the name must end with it", option: ownedBy("apps/v1", "ReplicaSet", "mediator-7c9f", hash, "1111"), want: Ref{"ReplicaSet", "mediator-7c9f"}},
		"nothing but hash":  {reason: "nothing is left for a name", option: ownedBy("apps/v1", "ReplicaSet", "-7c9f", hash, "7c9f"), want: Ref{"ReplicaSet", "-7c9f"}},
		"another group":     {reason: "somebody else's ReplicaSet follows rules of its own", option: ownedBy("example.com/v1", "ReplicaSet", "mediator-7c9f", hash, "7c9f"), want: Ref{"ReplicaSet", "mediator-7c9f"}},
		"Argo Rollout":      {reason: "its pods have another label", option: ownedBy("apps/v1", "ReplicaSet", "web-7c9f", "rollouts-pod-template-hash", "7c9f"), want: Ref{"ReplicaSet", "web-7c9f"}},
		"an owner, no more": {reason: "only a controller makes pods", option: func(p *corev1.Pod) { p.OwnerReferences = []metav1.OwnerReference{{Kind: "Job", Name: "x"}} }, want: Ref{"Pod", "p"}},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			pod := aPod("p", tc.option)
			if got := ownerOf(&pod); got != tc.want {
				t.Errorf("%s: want %s, got %s", tc.reason, tc.want, got)
			}
		})
	}
}

func TestHoldingText(t *testing.T) {
	deployed := func(name string) podOption {
		return ownedBy("apps/v1", "ReplicaSet", name+"-7c9f", "pod-template-hash", "7c9f")
	}
	many := make([]corev1.Pod, 0, 100)
	for i := range 100 {
		many = append(many, aPod(fmt.Sprintf("pod-%02d", i)))
	}
	long := make([]corev1.Pod, 0, 10)
	for i := range 10 {
		long = append(long, aPod(strings.Repeat("p", 252)+fmt.Sprint(i), ownedBy("x/v1", strings.Repeat("K", 63), fmt.Sprint(i)+strings.Repeat("n", 252))))
	}
	tests := map[string]struct {
		reason  string
		pods    []corev1.Pod
		unknown bool
		early   bool
		want    string
	}{
		"unknown": {reason: "whoever reads it can do something about it", unknown: true, want: "the operator may not list the pods of the namespace"},
		"early":   {reason: "a moment later it is known", early: true, want: "it is too early to tell which pods hold it"},
		"none":    {reason: "that is good news", want: "no pod holds it"},
		"one":     {reason: "one is not several", pods: []corev1.Pod{aPod("debug")}, want: "1 pod holds it: Pod/debug"},
		"sorted": {
			reason: "the text does not change with the order of a list",
			pods:   []corev1.Pod{aPod("import-1-xyz", ownedBy("batch/v1", "Job", "import-1")), aPod("debug"), aPod("mediator-7c9f-abc", deployed("mediator"))},
			want:   "3 pods hold it: Deployment/mediator (mediator-7c9f-abc), Job/import-1 (import-1-xyz), Pod/debug",
		},
		"several of one": {
			reason: "what is restarted together is told together",
			pods:   []corev1.Pod{aPod("m-3", deployed("m")), aPod("m-1", deployed("m")), aPod("m-2", deployed("m")), aPod("a-1", deployed("a"))},
			want:   "4 pods hold it: Deployment/a (a-1), Deployment/m (m-1 and 2 more)",
		},
		"many": {reason: "a text has an end", pods: many, want: "100 pods hold it: Pod/pod-00, Pod/pod-01, Pod/pod-02, Pod/pod-03, Pod/pod-04 and 95 more"},
		"foreign words": {
			reason: "whoever makes a pod can claim any owner",
			pods:   []corev1.Pod{aPod("p", ownedBy("x/v1", "Évil\n<b>", "a b"))},
			want:   "1 pod holds it: ?vil??b?/a?b (p)",
		},
		"long names": {
			reason: "names are cut before the text is",
			pods:   long,
			want: "10 pods hold it: " + strings.Repeat("K", 63) + "/0" + strings.Repeat("n", 79) + "… (" + strings.Repeat("p", 80) + "…), " +
				strings.Repeat("K", 63) + "/1" + strings.Repeat("n", 79) + "… (" + strings.Repeat("p", 80) + "…) and 8 more",
		},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			now := published.Add(time.Hour)
			if tc.early {
				now = published
			}
			got := Publication{Secret: secret, At: published, Margin: margin}.HeldBy(Pods{Items: tc.pods, Unknown: tc.unknown}, now).Text()
			if got != tc.want {
				t.Errorf("%s:\nwant %s\ngot  %s", tc.reason, tc.want, got)
			}
			if len(got) > maxText {
				t.Errorf("%d bytes", len(got))
			}
		})
	}
}
