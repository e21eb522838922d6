package app

import (
	"context"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/events"
	"k8s.io/client-go/util/retry"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/gatewaytoken/gateway-token-operator/api/v1alpha1"
	"github.com/gatewaytoken/gateway-token-operator/internal/token"
)

const (
	// maxPrints bounds what is kept of a control plane, maxFormer how many clusters before this one.
	maxPrints = 64
	maxFormer = 16
	// answerPause is how often a person's answer is looked for.
	answerPause = 5 * time.Second
	// maxKeySet bounds the answer that has the control plane's keys, in bytes.
	maxKeySet = 1 << 20
)

// The kinds of prints. Each begins its prints.
const (
	printOfCA  = "ca:"
	printOfKey = "key:"
)

// clusterRecord is what the operator keeps of the cluster that it runs in, beside the ledger key.
type clusterRecord struct {
	// Base is what identifies the cluster by itself: --cluster-id or the UID of kube-system.
	Base string `json:"base"`
	// ClusterID is what markers and ledgers are signed for: Base, unless a person said that this is a copy.
	ClusterID string `json:"clusterID"`
	// Former are the clusters that what is here came from.
	Former []string `json:"former,omitempty"`
	// Prints are digests of the control plane's certificate authorities and of its keys for service accounts.
	Prints []string `json:"prints"`
}

// clone is a control plane that is not the one that was recorded; nil for none.
type clone struct {
	// fingerprint tells it from others.
	fingerprint string
	// text says so to a person.
	text string
}

// errAnswered ends a process whose question a person has answered: the next one acts on it.
var errAnswered = errors.New("a person has said whose the identity of this cluster is: the operator ends, and acts on it when it is started again")

// decide tells who the operator is in a cluster, and whether it has to ask. The record is nil before the first start.
func decide(record *clusterRecord, base string, seen []string, word string) (next clusterRecord, asks bool) {
	switch {
	case record == nil:
		return clusterRecord{Base: base, ClusterID: base, Prints: seen}, false
	case record.Base != base:
		// Another cluster: whatever runs in the one before signs otherwise.
		called := record.calledBefore(base)
		return clusterRecord{Base: base, ClusterID: called, Former: former(record, called), Prints: seen}, false
	}
	next = *record
	switch same, alike := compare(record.Prints, seen); {
	case same:
		next.Prints = merge(record.Prints, seen)
	case !alike:
	case word == "keep/"+printOf(seen):
		next.Prints = seen
	case word == "new/"+printOf(seen):
		next.ClusterID = base + "/" + printOf(seen)
		next.Former, next.Prints = former(record, next.ClusterID), seen
	default:
		return next, true
	}
	return next, false
}

// calledBefore is what a cluster is called that may have been here before: a copy of it keeps the name that a person gave it.
func (r clusterRecord) calledBefore(base string) string {
	for _, id := range slices.Backward(r.Former) {
		if strings.HasPrefix(id, base+"/") {
			return id
		}
	}
	return base
}

// identity is who signs in the cluster, and where what is in it may have come from.
func (r clusterRecord) identity(options Options) token.Identity {
	before := slices.Concat(r.Former, options.FormerClusterIDs)
	slices.Sort(before)
	before = slices.DeleteFunc(slices.Compact(before), func(id string) bool { return id == r.ClusterID })
	return token.Identity{ClusterID: r.ClusterID, Instance: options.Instance, Former: before}
}

// former are the clusters before the one that is called now.
func former(record *clusterRecord, now string) []string {
	all := slices.DeleteFunc(append(slices.Clone(record.Former), record.ClusterID), func(id string) bool { return id == now })
	return all[max(len(all)-maxFormer, 0):]
}

// compare tells whether two sets of prints are of one control plane: one print in common is enough, so that either the authorities or the
// keys may be replaced. Without a kind in common they tell nothing.
func compare(before, now []string) (same, alike bool) {
	for _, one := range now {
		if slices.Contains(before, one) {
			return true, true
		}
		alike = alike || slices.ContainsFunc(before, func(other string) bool { return kindOfPrint(other) == kindOfPrint(one) })
	}
	return false, alike
}

func kindOfPrint(one string) string {
	kind, _, _ := strings.Cut(one, ":")
	return kind
}

// merge takes the prints of now, and keeps those before of a kind that could not be read now.
func merge(before, now []string) []string {
	merged := slices.Clone(now)
	for _, one := range before {
		if !slices.ContainsFunc(now, func(other string) bool { return kindOfPrint(other) == kindOfPrint(one) }) {
			merged = append(merged, one)
		}
	}
	slices.Sort(merged)
	return merged
}

// printOf stands for all of them.
func printOf(prints []string) string { return digest(strings.Join(prints, "\n"))[:12] }

func digest(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:16])
}

// prints reads what tells the control plane from others. What cannot be read is left out.
func prints(ctx context.Context, config *rest.Config, through *http.Client) []string {
	var all []string
	ctrl.LoggerFrom(ctx).V(1).Info("reading the fingerprint of the control plane")
	loaded := rest.CopyConfig(config)
	if err := rest.LoadTLSFiles(loaded); err == nil {
		all = append(all, printsOfCA(loaded.CAData)...)
	}
	var keys []byte
	err := retry.OnError(keyRetries, passing, func() (err error) {
		keys, err = keySet(ctx, config, through)
		return err
	})
	if err != nil {
		ctrl.LoggerFrom(ctx).Info("the keys of the control plane for service accounts cannot be read; its certificate authorities alone tell it from others", "error", err.Error())
	}
	all = append(all, printsOfKeys(keys)...)
	slices.Sort(all)
	all = slices.Compact(all)
	return all[:min(len(all), maxPrints)]
}

// printsOfCA are of each certificate of the bundle that the API server is verified with.
func printsOfCA(bundle []byte) []string {
	var all []string
	for block, rest := pem.Decode(bundle); block != nil; block, rest = pem.Decode(rest) {
		if certificate, err := x509.ParseCertificate(block.Bytes); err == nil {
			all = append(all, printOfCA+digest(string(certificate.Raw)))
		}
	}
	return all
}

// keyRetries is how often the keys are asked for: without them a rotated authority would look like another control plane.
var keyRetries = wait.Backoff{Steps: 6, Duration: 200 * time.Millisecond, Factor: 2, Jitter: 0.1}

// passing tells whether another try may help.
func passing(err error) bool { return !errors.Is(err, errRefused) && !errors.Is(err, context.Canceled) }

// errRefused: the API server has answered, and has no keys to show.
var errRefused = errors.New("refused")

// keySet reads the public keys of service accounts, which Kubernetes lets every service account read.
func keySet(ctx context.Context, config *rest.Config, through *http.Client) ([]byte, error) {
	base, _, err := rest.DefaultServerUrlFor(config)
	if err != nil {
		return nil, fmt.Errorf("find the API server: %w", err)
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, base.JoinPath("openid", "v1", "jwks").String(), http.NoBody)
	if err != nil {
		return nil, fmt.Errorf("ask for keys: %w", err)
	}
	answer, err := through.Do(request)
	if err != nil {
		return nil, fmt.Errorf("ask for keys: %w", err)
	}
	defer func() { _ = answer.Body.Close() }()
	switch code := answer.StatusCode; {
	case code == http.StatusOK:
	case code == http.StatusTooManyRequests, code >= http.StatusInternalServerError:
		return nil, fmt.Errorf("ask for keys: %s", answer.Status)
	default:
		return nil, fmt.Errorf("ask for keys: %w: %s", errRefused, answer.Status)
	}
	text, err := io.ReadAll(io.LimitReader(answer.Body, maxKeySet))
	if err != nil {
		return nil, fmt.Errorf("read keys: %w", err)
	}
	return text, nil
}

// printsOfKeys are of each key by what makes it up, however it is called.
func printsOfKeys(set []byte) []string {
	var parsed struct {
		Keys []struct {
			Kty string `json:"kty"`
			Crv string `json:"crv"`
			N   string `json:"n"`
			E   string `json:"e"`
			X   string `json:"x"`
			Y   string `json:"y"`
		} `json:"keys"`
	}
	if json.Unmarshal(set, &parsed) != nil {
		return nil
	}
	var all []string
	for _, key := range parsed.Keys {
		if key.N != "" || key.X != "" {
			all = append(all, printOfKey+digest(strings.Join([]string{key.Kty, key.Crv, key.N, key.E, key.X, key.Y}, "\x00")))
		}
	}
	return all
}

// settleCluster compares the control plane with the one that was recorded, and records it where nothing is to be asked.
func settleCluster(ctx context.Context, live client.Reader, writer client.Writer, namespace, base string, seen []string) (clusterRecord, *clone, error) {
	var settled clusterRecord
	var found *clone
	err := retry.RetryOnConflict(retry.DefaultRetry, func() error {
		secret := &corev1.Secret{}
		if err := live.Get(ctx, client.ObjectKey{Namespace: namespace, Name: v1alpha1.LedgerKeySecretName}, secret); err != nil {
			return err
		}
		record, err := readRecord(secret)
		if err != nil {
			return err
		}
		next, asks := decide(record, base, seen, secret.Annotations[v1alpha1.AnnotationClusterIdentity])
		settled, found = next, nil
		if asks {
			found = cloneOf(namespace, seen)
			return nil
		}
		return writeRecord(ctx, writer, secret, record, next)
	})
	if err != nil {
		return settled, nil, fmt.Errorf("compare the cluster with the one that Secret %s/%s tells of: %w", namespace, v1alpha1.LedgerKeySecretName, err)
	}
	return settled, found, nil
}

func readRecord(secret *corev1.Secret) (*clusterRecord, error) {
	text, told := secret.Annotations[v1alpha1.AnnotationCluster]
	if !told {
		return nil, nil //nolint:nilnil // there is none before the first start
	}
	record := &clusterRecord{}
	if err := json.Unmarshal([]byte(text), record); err != nil || record.Base == "" || record.ClusterID == "" {
		return nil, fmt.Errorf("the annotation %s cannot be read: restore it. Removed, this cluster is recorded anew, by --cluster-id or the UID of kube-system: where a person had given it another name, what it made under that is told to be a former cluster's by --former-cluster-ids", v1alpha1.AnnotationCluster)
	}
	return record, nil
}

// writeRecord writes what has changed, and takes away a person's word that was heard.
func writeRecord(ctx context.Context, writer client.Writer, secret *corev1.Secret, before *clusterRecord, next clusterRecord) error {
	text, err := json.Marshal(next)
	if err != nil {
		return fmt.Errorf("write down the cluster: %w", err)
	}
	_, said := secret.Annotations[v1alpha1.AnnotationClusterIdentity]
	if before != nil && secret.Annotations[v1alpha1.AnnotationCluster] == string(text) && !said {
		return nil
	}
	changed := secret.DeepCopy()
	if changed.Annotations == nil {
		changed.Annotations = map[string]string{}
	}
	changed.Annotations[v1alpha1.AnnotationCluster] = string(text)
	delete(changed.Annotations, v1alpha1.AnnotationClusterIdentity)
	patch := client.MergeFromWithOptions(secret, client.MergeFromWithOptimisticLock{})
	return writer.Patch(ctx, changed, patch, client.FieldOwner(v1alpha1.OperatorName))
}

func cloneOf(namespace string, seen []string) *clone {
	fingerprint := printOf(seen)
	command := "kubectl --namespace " + namespace + " annotate secret " + v1alpha1.LedgerKeySecretName + " --overwrite " + v1alpha1.AnnotationClusterIdentity + "="
	return &clone{fingerprint: fingerprint, text: "The control plane is another one than the operator knew under this identity: the cluster was copied, or restored elsewhere. " +
		"Nothing is issued, changed or revoked until a person says which. Where the earlier cluster is gone for good: " + command + "keep/" + fingerprint +
		". Where it lives on, and this is a copy: " + command + "new/" + fingerprint + "."}
}

// question tells of a clone for as long as nobody has answered, and ends the process then. Every replica asks.
type question struct {
	clone     *clone
	live      client.Reader
	recorder  events.EventRecorder
	namespace string
}

// NeedLeaderElection implements manager.LeaderElectionRunnable.
func (*question) NeedLeaderElection() bool { return false }

// Start implements manager.Runnable.
func (q *question) Start(ctx context.Context) error {
	logger := ctrl.LoggerFrom(ctx).WithName("cluster")
	logger.Error(nil, q.clone.text, "fingerprint", q.clone.fingerprint)
	told := false
	err := wait.PollUntilContextCancel(ctx, answerPause, true, func(ctx context.Context) (bool, error) {
		secret := &corev1.Secret{}
		if err := q.live.Get(ctx, client.ObjectKey{Namespace: q.namespace, Name: v1alpha1.LedgerKeySecretName}, secret); err != nil {
			logger.Error(err, "cannot look for the answer")
			return false, nil
		}
		if !told {
			q.recorder.Eventf(secret, nil, corev1.EventTypeWarning, v1alpha1.ReasonClusterCloned, v1alpha1.ReasonClusterCloned, "%s", q.clone.text)
			told = true
		}
		word := secret.Annotations[v1alpha1.AnnotationClusterIdentity]
		return word == "keep/"+q.clone.fingerprint || word == "new/"+q.clone.fingerprint, nil
	})
	if err != nil {
		return nil //nolint:nilerr // the process ends for another reason
	}
	return errAnswered
}
