package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/gatewaytoken/gateway-token-operator/internal/testkit/canary"
	"github.com/gatewaytoken/gateway-token-operator/internal/testkit/stack"
	"github.com/gatewaytoken/gateway-token-operator/internal/testkit/steps"
)

// firstRelease is the chart as it was first packaged.
const firstRelease = "testdata/gateway-token-operator-0.1.0.tgz"

// here are the values that this machine asks for: vendors are on loopback, and no node runs the operator's pods, whose binary is started
// beside the cluster.
var here = []string{"--set", "logLevel=5", "--set", "allowCIDRs={127.0.0.0/8,::1/128}", "--set", "nodeSelector.runs=nowhere"}

var crds = []string{"crd/gatewaytokens.gatewaytoken.io", "crd/tokenissuers.gatewaytoken.io", "crd/clustertokenissuers.gatewaytoken.io"}

func (u *user) beginning() steps.Chapter {
	return steps.Chapter{Title: "A cluster and a vendor", Steps: []step{
		steps.Do("etcd, kube-apiserver, kube-controller-manager, kube-scheduler and two nodes of kwok start", steps.Both(u.stack.StartControlPlane,
			func(ctx context.Context) error { return u.stack.StartNodes(ctx, 2) })),
		steps.Do("simulated vendors start", func(ctx context.Context) (err error) {
			u.vendor, err = u.stack.StartSimulator(ctx, "vendorsim", u.accounts)
			return err
		}),
		steps.Check("the control plane is up", u.kubectl("get", "--raw", "/readyz")),
	}}
}

// upgrade goes from the first release to the chart of today, back, and again, with objects that are there all the time.
func (u *user) upgrade() steps.Chapter {
	chart := u.stack.Chart(release)
	keeps := steps.Both(
		u.kubectl("get", "clustertokenissuer/"+issuer), u.kubectl("--namespace", namespace, "get", "gatewaytoken/"+token),
		u.kubectl(append([]string{"wait", "--for=condition=Established", "--timeout=60s"}, crds...)...))
	upgrades := u.helm(append([]string{"upgrade", release, chart, "--namespace", system}, here...)...)
	return steps.Chapter{Title: "The first release, and the upgrade to this one", Steps: []step{
		steps.Do("helm install "+firstRelease, u.helm(append([]string{
			"install", release, filepath.Join(u.stack.Root(), "charts", firstRelease), "--namespace", system, "--create-namespace",
		}, here...)...)),
		steps.Do("kubectl apply: namespace, credentials, ClusterTokenIssuer, GatewayToken (examples/causely-mediator), before any operator runs", func(ctx context.Context) error {
			if err := u.trust(system)(ctx); err != nil {
				return err
			}
			return u.applies("namespace.yaml", "credentials.yaml", "issuer.yaml", "gatewaytoken.yaml")(ctx)
		}),
		steps.Check("the CRDs of the first release are established and know nothing of consumers", steps.Both(keeps, func(ctx context.Context) error {
			if _, err := u.stack.Kubectl.Run(ctx, "explain", "gatewaytoken.spec.consumers"); err == nil {
				return errors.New("expected no field spec.consumers in the CRD of the first release, found one")
			}
			return nil
		})),
		steps.Do("helm upgrade to "+release, upgrades),
		steps.Check("the upgrade has brought this release's CRDs, and the objects are there", steps.Both(keeps,
			soon(u.kubectl("explain", "gatewaytoken.spec.consumers")))),
		steps.Do("helm rollback "+release+" 1", u.helm("rollback", release, "1", "--namespace", system)),
		steps.Check("the objects are there, and so are the CRDs", keeps),
		steps.Do("helm upgrade again", upgrades),
		steps.Do("the operator starts, with the Deployment's arguments and a token of the chart's ServiceAccount", u.starts),
		steps.Check("it is ready and leads", func(ctx context.Context) error { return u.operator.AwaitLeader(ctx) }),
		steps.Check("what was applied before it becomes Ready: issuer and GatewayToken", steps.Both(
			u.kubectl("wait", "clustertokenissuer/"+issuer, "--for=condition=Ready", "--timeout=60s"),
			u.kubectl("--namespace", namespace, "wait", "gatewaytoken/"+token, "--for=condition=Ready", "--timeout=90s"))),
		steps.Check("the vendor made one token, and the Secret holds it", steps.Both(u.has(base, 1, 1), func(ctx context.Context) error {
			connection, err := u.published(ctx, namespace, secret)
			u.id = connection.ID
			return err
		})),
	}}
}

// use installs who uses the Secret.
func (u *user) use() steps.Chapter {
	return steps.Chapter{Title: "Use", Steps: []step{
		steps.Do("helm install mediator --set mediator.secretName="+secret+" --wait; what runs in its pods calls the vendor", func(ctx context.Context) error {
			u.kubelet = stack.StartKubelet(ctx, u.stack.Client, callEvery, func(in string) (stack.Platform, bool) { return u.causely(), in == namespace })
			return u.helm("install", "mediator", filepath.Join(u.stack.Root(), "examples", "causely-mediator", "chart"), "--namespace", namespace,
				"--set", "mediator.secretName="+secret, "--set", "replicaCount=2", "--wait", "--timeout", "2m")(ctx)
		}),
		steps.Check("its pods call with the token of the Secret, and are accepted", soon(func(context.Context) error { return u.called(2) })),
		steps.Check("kubectl get shows the token, its reason, its Secret and its issuer", u.shows(
			[]string{"--namespace", namespace, "get", "gwt", token}, "READY", "True", "Published", secret, "ClusterTokenIssuer/"+issuer)),
		steps.Check("kubectl describe shows conditions, the token's ID and name, and events", func(ctx context.Context) error {
			return u.shows([]string{"--namespace", namespace, "describe", "gatewaytoken", token}, "Ready", u.id, base+"-gwt-", "Events:", "Published")(ctx)
		}),
		steps.Check("a Secret that somebody deletes comes back with the same token", steps.Both(
			u.kubectl("--namespace", namespace, "delete", "secret", secret), soon(u.same), u.has(base, 1, 1))),
	}}
}

// called holds when so many pods that are there call with the token in use, and none was ever refused.
func (u *user) called(want int) error {
	holders, err := u.kubelet.Holders(u.id)
	if err != nil {
		return err
	}
	calling := slices.DeleteFunc(holders, func(c stack.Consumer) bool { return c.Calls == 0 })
	if len(calling) != want {
		return fmt.Errorf("expected %d pods that call with token %s, found %d", want, u.id, len(calling))
	}
	return u.unrefused()
}

// unrefused holds while no call of any pod was refused.
func (u *user) unrefused() error {
	all, err := u.kubelet.Told()
	for _, runs := range all {
		if runs.Refused > 0 {
			err = errors.Join(err, fmt.Errorf("expected no refused call, found %d of %d in pod %s", runs.Refused, runs.Calls, runs.Pod))
		}
	}
	return err
}

// rotation has a person ask for another token.
func (u *user) rotation() steps.Chapter {
	return steps.Chapter{Title: "Rotation", Steps: []step{
		steps.Do("kubectl patch: consumers.action Restart; kubectl annotate: gatewaytoken.io/rotate-requested-at", steps.Both(
			u.kubectl("--namespace", namespace, "patch", "gatewaytoken", token, "--type=merge", `--patch={"spec":{"consumers":{"action":"Restart"},"rotation":{"overlap":"2s"}}}`),
			u.asks(namespace, token))),
		steps.Check("the Secret gets the next token", soon(func(ctx context.Context) error {
			connection, err := u.published(ctx, namespace, secret)
			if err == nil && connection.ID == u.id {
				err = errors.New("expected another token, found the one before")
			}
			if err == nil {
				u.id = connection.ID
			}
			return err
		})),
		steps.Check("the operator restarts the mediator, whose new pods call with it", soon(func(context.Context) error { return u.called(2) })),
		steps.Check("then the old one is revoked; no call was refused", steps.Both(soon(u.has(base, 2, 1)), func(context.Context) error { return u.unrefused() })),
	}}
}

// each holds when the condition does for all of the names.
func each(holds func(name string) condition) func(names ...string) condition {
	return func(names ...string) condition {
		var all []condition
		for _, name := range names {
			all = append(all, holds(name))
		}
		return steps.Both(all...)
	}
}

// consuming has the Secret used in every way that docs/consuming.md tells of, and another token issued under all of them.
func (u *user) consuming() steps.Chapter {
	const shop, published, name = "shop", "shop-token", "shop-shop"
	restarted := []string{"env", "envfrom", "volume"}
	revision := `--output=jsonpath={.metadata.annotations.deployment\.kubernetes\.io/revision}`
	rolledOut := each(func(deployment string) condition {
		return u.kubectl("--namespace", shop, "rollout", "status", "deployment/"+deployment, "--timeout=60s")
	})
	rolled := each(func(deployment string) condition {
		return u.prints("2", "--namespace", shop, "get", "deployment", deployment, revision)
	})
	copied := func(ctx context.Context) error {
		current, err := u.stack.Secret(ctx, shop, published, "CAUSELY_GATEWAY_TOKEN")
		if err != nil {
			return err
		}
		text, err := u.stack.Secret(ctx, shop, "lookup-configuration", "application.properties")
		if err == nil && text != "gateway.token="+current+"\n" {
			err = errors.New("expected the release to have a copy of the Secret's value, found something else")
		}
		return err
	}
	examples := filepath.Join(u.stack.Root(), "examples", "consuming")
	lookup := func(verb string) condition {
		return u.helm(verb, "lookup", filepath.Join(examples, "lookup-chart"), "--namespace", shop)
	}
	return steps.Chapter{Title: "Ways to use the Secret (examples/consuming)", Steps: []step{
		steps.Check("a chart that looks up a Secret which is not there says what to do", steps.Both(u.kubectl("apply", "--filename", filepath.Join(examples, "manifests", "namespace.yaml")),
			u.refused("wait for the GatewayToken", "install", "lookup", filepath.Join(examples, "lookup-chart"), "--namespace", shop))),
		steps.Do("kubectl apply -k examples/consuming/manifests, with a grant for namespace "+shop, steps.Both(
			u.kubectl("patch", "clustertokenissuer", issuer, "--type=json", `--patch=[{"op":"add","path":"/spec/grants/-","value":{"namespaces":{"names":["`+shop+`"]}}}]`),
			u.kubectl("apply", "--kustomize", filepath.Join(examples, "manifests")),
			u.kubectl("apply", "--filename", filepath.Join(examples, "copies", "gatewaytoken-reflector.yaml")),
			u.kubectl("--namespace", shop, "patch", "gatewaytoken", shop, "--type=merge", `--patch={"spec":{"rotation":{"overlap":"2s"}}}`))),
		steps.Check("the GatewayTokens are Ready, and the pods of env, envfrom, volume and reloader run", steps.Both(
			u.kubectl("--namespace", shop, "wait", "gatewaytoken", "--all", "--for=condition=Ready", "--timeout=90s"), rolledOut(append(restarted, "reloader")...))),
		steps.Check("the Secret for Reflector has the annotations that it goes by", u.prints("true checkout", "--namespace", shop, "get", "secret", "reflected-token",
			`--output=jsonpath={.metadata.annotations.reflector\.v1\.k8s\.emberstack\.com/reflection-auto-enabled} {.metadata.annotations.reflector\.v1\.k8s\.emberstack\.com/reflection-auto-namespaces}`)),
		steps.Check("helm install of the chart that looks it up copies the value", steps.Both(lookup("install"), copied)),
		steps.Do("kubectl annotate: gatewaytoken.io/rotate-requested-at", u.asks(shop, shop)),
		steps.Check("the vendor has the next token, and the operator restarts env, envfrom and volume, once", steps.Both(
			soon(u.has(name, 2, 2)), soon(rolled(restarted...)), rolledOut(restarted...))),
		steps.Check("reloader is left to Reloader: its pod holds the old value, which stays active, and the status names it", steps.Both(
			u.prints("1", "--namespace", shop, "get", "deployment", "reloader", revision),
			soon(u.shows([]string{"--namespace", shop, "describe", "gatewaytoken", shop}, "WaitingForConsumers", "reloader")), u.has(name, 2, 2))),
		steps.Check("helm upgrade takes the new value", steps.Both(lookup("upgrade"), copied)),
		steps.Do("what Reloader does, by hand: kubectl rollout restart deployment/reloader", u.kubectl("--namespace", shop, "rollout", "restart", "deployment/reloader")),
		steps.Check("then the old one is revoked", soon(u.has(name, 2, 1))),
		steps.Check("kubectl delete namespace "+shop+" revokes what is left", steps.Both(
			u.kubectl("delete", "namespace", shop, "--timeout=120s"), u.has(name, 2, 0), u.has("shop-reflected", 1, 0))),
	}}
}

// tokensChart has everything in Helm.
func (u *user) tokensChart() steps.Chapter {
	const team, name = "team-b", "gateway-tokens"
	var file string
	install := func(verb string) condition {
		return func(ctx context.Context) error {
			return u.helm(verb, name, u.stack.Chart(name), "--namespace", team, "--values", file, "--wait", "--timeout", "2m")(ctx)
		}
	}
	// Once and at once: it was Helm that waited.
	ready := func(names ...string) condition {
		return u.kubectl(append([]string{"--namespace", team, "wait", "gatewaytokens", "--for=condition=Ready", "--timeout=0s"}, names...)...)
	}
	values := func(tokens map[string]any) map[string]any {
		return map[string]any{
			"tokenIssuers": map[string]any{"causely": map[string]any{"spec": map[string]any{
				"causely":  map[string]any{"url": u.vendor.URL, "authURL": u.vendor.AuthURL(), "credentialsSecretRef": map[string]any{"name": login}},
				"caBundle": map[string]any{"configMapRef": map[string]any{"name": authority}}, "inventoryInterval": "2s",
			}}},
			"gatewayTokenDefaults": map[string]any{"issuerRef": map[string]any{"name": "causely"}},
			"gatewayTokens":        tokens,
		}
	}
	one := map[string]any{"one": map[string]any{"spec": map[string]any{"secret": map[string]any{"name": "token-one"}}}}
	both := maps.Clone(one)
	both["two"] = map[string]any{}
	return steps.Chapter{Title: "Issuers and tokens from values: the chart gateway-tokens", Steps: []step{
		steps.Do("kubectl: namespace "+team+" with credentials", steps.Both(u.kubectl("create", "namespace", team), func(ctx context.Context) error {
			return errors.Join(u.trust(team)(ctx), u.credentials(team)(ctx))
		})),
		steps.Do("helm install --wait: a TokenIssuer and a GatewayToken", func(ctx context.Context) (err error) {
			if file, err = u.write("tokens.yaml", values(one)); err != nil {
				return err
			}
			return install("install")(ctx)
		}),
		steps.Check("Helm has waited for the token: it is Ready, and the vendor accepts it", steps.Both(ready("one"), u.has(team+"-one", 1, 1), func(ctx context.Context) error {
			_, err := u.published(ctx, team, "token-one")
			return err
		})),
		steps.Do("helm upgrade --wait with a second one, which has nothing but the defaults", func(ctx context.Context) (err error) {
			if file, err = u.write("tokens.yaml", values(both)); err != nil {
				return err
			}
			return install("upgrade")(ctx)
		}),
		steps.Check("both are Ready, and the first one's token was not made anew", steps.Both(ready("one", "two"), u.has(team+"-one", 1, 1), u.has(team+"-two", 1, 1))),
		steps.Check("a field that the API does not have is refused by Helm, by its name", func(ctx context.Context) error {
			return u.refused("'rotaton' not allowed", "upgrade", name, u.stack.Chart(name), "--namespace", team, "--values", file, "--set", "gatewayTokens.one.spec.rotaton.interval=24h")(ctx)
		}),
		steps.Do("helm upgrade without the first one", func(ctx context.Context) (err error) {
			delete(both, "one")
			if file, err = u.write("tokens.yaml", values(both)); err != nil {
				return err
			}
			return install("upgrade")(ctx)
		}),
		steps.Check("its token is revoked, the other one's is not", steps.Both(soon(u.has(team+"-one", 1, 0)), u.has(team+"-two", 1, 1))),
		steps.Do("helm uninstall "+name, u.helm("uninstall", name, "--namespace", team)),
		steps.Check("that one is revoked, too, and nothing is left in the namespace's way", steps.Both(soon(u.has(team+"-two", 1, 0)),
			u.kubectl("delete", "namespace", team, "--timeout=60s"))),
	}}
}

// values changes those of the operator.
func (u *user) values() steps.Chapter {
	restarts := []string{"patch", "deployments.apps", "--namespace", namespace}
	more := append([]string{
		"upgrade", release, u.stack.Chart(release), "--namespace", system, "--set", "replicaCount=2", "--set", "podDisruptionBudget.enabled=true", "--set", "networkPolicy.enabled=true",
		"--set", "restartConsumers.enabled=false", "--set", "proxy.https=http://127.0.0.1:9", "--set", "proxy.noProxy=127.0.0.1",
	}, here...)
	return steps.Chapter{Title: "Other values, and back", Steps: []step{
		steps.Check("misspelt and ill-typed values are refused by Helm, by their names, and nothing changes", steps.Both(
			func(ctx context.Context) error {
				return u.refused("additional properties 'replicas' not allowed", append(slices.Clone(more), "--set", "replicas=3")...)(ctx)
			},
			func(ctx context.Context) error {
				return u.refused("at '/logLevel': got string, want integer", append(slices.Clone(more), "--set", "logLevel=high")...)(ctx)
			},
			func(ctx context.Context) error {
				return u.refused("only one pod may work", append(slices.Clone(more), "--set", "leaderElection.enabled=false")...)(ctx)
			},
			u.may(true, restarts...))),
		steps.Do("helm upgrade: two replicas, a PodDisruptionBudget, a NetworkPolicy, no right to restart", u.helm(more...)),
		steps.Check("they are there, and the right is gone", steps.Both(
			u.kubectl("--namespace", system, "get", "poddisruptionbudget/"+release, "networkpolicy/"+release),
			u.prints("2", "--namespace", system, "get", "deployment", release, "--output=jsonpath={.spec.replicas}"),
			u.may(false, restarts...), u.may(true, "list", "pods", "--namespace", namespace))),
		steps.Check("an operator that is started anew by that leads, and the token is the same", steps.Both(u.rolls,
			func(ctx context.Context) error { return u.operator.AwaitLeader(ctx) }, u.same, u.has(base, 2, 1))),
		steps.Do("helm rollback", u.helm("rollback", release, "--namespace", system)),
		steps.Check("all is as it was, and the token is the same", steps.Both(u.rolls,
			func(ctx context.Context) error { return u.operator.AwaitLeader(ctx) }, u.may(true, restarts...),
			u.prints("", "--namespace", system, "get", "poddisruptionbudgets,networkpolicies", "--output=name"), u.same, u.has(base, 2, 1))),
		steps.Check("no call of the mediator was refused all the time", func(context.Context) error { return u.unrefused() }),
	}}
}

// asks is a person who wants another token, as soon as the one that is there is older than the annotation can tell.
func (u *user) asks(in, name string) condition {
	return soon(func(ctx context.Context) error {
		issued, err := u.stack.Kubectl.Run(ctx, "--namespace", in, "get", "gatewaytoken", name, "--output=jsonpath={.status.current.issuedAt}")
		if err != nil {
			return err
		}
		if at, err := time.Parse(time.RFC3339, issued); err != nil || !time.Now().After(at.Add(time.Second)) {
			return errors.Join(errors.New("expected the token to be older than a second"), err)
		}
		return u.kubectl("--namespace", in, "annotate", "--overwrite", "gatewaytoken", name, "gatewaytoken.io/rotate-requested-at="+time.Now().UTC().Format(time.RFC3339))(ctx)
	})
}

// uninstall goes the wrong way first.
func (u *user) uninstall() steps.Chapter {
	return steps.Chapter{Title: "Uninstall", Steps: []step{
		steps.Check("helm uninstall is refused while the operator is needed, and says by what", func(ctx context.Context) error {
			said, err := u.uninstalls(ctx)
			if err == nil || !strings.Contains(said, "1 GatewayToken in 1 namespace ("+namespace+": 1)") {
				return fmt.Errorf("expected a refusal that names the GatewayToken, found %q and %w", said, errors.Join(err, ctx.Err()))
			}
			return nil
		}),
		steps.Check("operator and token are as they were", steps.Both(u.kubectl("--namespace", system, "get", "deployment/"+release), u.same)),
		steps.Do("helm uninstall mediator; kubectl delete namespace "+namespace+"; kubectl delete clustertokenissuer "+issuer, steps.Both(
			u.helm("uninstall", "mediator", "--namespace", namespace),
			u.kubectl("delete", "namespace", namespace, "--timeout=120s"), u.kubectl("delete", "clustertokenissuer", issuer, "--timeout=60s"))),
		steps.Check("every token is revoked at the vendor", u.has(base, 2, 0)),
		steps.Check("now helm uninstall succeeds", func(ctx context.Context) error {
			_, err := u.uninstalls(ctx)
			return err
		}),
		steps.Do("the operator is told to end", func(context.Context) error { return u.operator.Stop() }),
		steps.Check("nothing of the release is left but the CRDs and the ledger key", steps.Both(
			u.prints("", "get", "clusterroles,clusterrolebindings", "--selector=app.kubernetes.io/instance="+release, "--output=name"),
			u.prints("", "--namespace", system, "get", "deployments,services,roles,rolebindings,jobs", "--output=name"),
			u.kubectl(append([]string{"get"}, crds...)...), u.kubectl("--namespace", system, "get", "secret", "gateway-token-operator-ledger-key"))),
	}}
}

func (u *user) uninstalls(ctx context.Context) (string, error) {
	return u.stack.Uninstall(ctx, stack.Release{Namespace: system, Name: release})
}

// namespaced installs the operator for one namespace, with Roles alone.
func (u *user) namespaced() steps.Chapter {
	const team, other = "team-a", "team-c"
	values := append([]string{
		"install", release, u.stack.Chart(release), "--namespace", system, "--set", "watchNamespaces={" + team + "}", "--set", "clusterID=e2e",
		"--set", "crds.enabled=false", "--set", "uninstall.policy=Drain", "--set", "uninstall.drainTimeoutSeconds=60",
	}, here...)
	object := func(in, name string) map[string]any {
		return map[string]any{
			"apiVersion": "gatewaytoken.io/v1alpha1", "kind": "GatewayToken", "metadata": map[string]any{"namespace": in, "name": name},
			"spec": map[string]any{"issuerRef": map[string]any{"name": issuer}},
		}
	}
	return steps.Chapter{Title: "In one namespace, with Roles alone", Steps: []step{
		steps.Do("kubectl: namespaces "+team+" and "+other+", each with credentials, a TokenIssuer and a GatewayToken", func(ctx context.Context) error {
			for _, in := range []string{team, other} {
				err := errors.Join(u.kubectl("create", "namespace", in)(ctx), u.trust(in)(ctx), u.credentials(in)(ctx), u.apply(ctx, map[string]any{
					"apiVersion": "gatewaytoken.io/v1alpha1", "kind": "TokenIssuer", "metadata": map[string]any{"namespace": in, "name": issuer},
					"spec": map[string]any{
						"causely":  map[string]any{"url": u.vendor.URL, "authURL": u.vendor.AuthURL(), "credentialsSecretRef": map[string]any{"name": login}},
						"caBundle": map[string]any{"configMapRef": map[string]any{"name": authority}}, "inventoryInterval": "2s",
					},
				}), u.apply(ctx, object(in, in)))
				if err != nil {
					return err
				}
			}
			return nil
		}),
		steps.Do("helm install --set watchNamespaces={"+team+"}", u.helm(values...)),
		steps.Check("there is no ClusterRole of the release, and its account may do nothing elsewhere", steps.Both(
			u.prints("", "get", "clusterroles,clusterrolebindings", "--selector=app.kubernetes.io/instance="+release, "--output=name"),
			u.may(true, "create", "secrets", "--namespace", team), u.may(false, "get", "secrets", "--namespace", other))),
		steps.Do("the operator starts by that", u.starts),
		steps.Check("the token of "+team+" is Ready, and the vendor has it", steps.Both(
			u.kubectl("--namespace", team, "wait", "gatewaytoken/"+team, "--for=condition=Ready", "--timeout=90s"), u.has(team+"-"+team, 1, 1))),
		steps.Check("nothing happened in "+other, steps.Both(u.has(other+"-"+other, 0, 0),
			u.prints("", "--namespace", other, "get", "gatewaytoken", other, "--output=jsonpath={.status.conditions}{.metadata.finalizers}"))),
		steps.Check("helm uninstall with the policy Drain revokes it first", func(ctx context.Context) error {
			if _, err := u.uninstalls(ctx); err != nil {
				return err
			}
			return u.has(team+"-"+team, 1, 0)(ctx)
		}),
		steps.Check("nothing of the release is left", steps.Both(
			u.prints("", "get", "roles,rolebindings", "--all-namespaces", "--selector=app.kubernetes.io/instance="+release, "--output=name"),
			u.prints("", "--namespace", team, "get", "gatewaytokens", "--output=name"))),
		steps.Do("the operator is told to end; kubectl delete namespace of both", steps.Both(
			func(context.Context) error { return u.operator.Stop() }, u.kubectl("delete", "namespace", team, other, "--timeout=60s"))),
	}}
}

// silence looks for secrets in all that was put out.
func (u *user) silence() steps.Chapter {
	return steps.Chapter{Title: "Nothing secret was put out", Steps: []step{
		steps.Check("no token value, credential or bearer is in what the operator, kubectl and Helm put out", func(ctx context.Context) error {
			secrets, err := u.stack.Secrets(ctx, u.operator, u.causely())
			if err != nil {
				return err
			}
			channels, err := u.stack.Channels()
			if err != nil {
				return err
			}
			if err := stack.Heard(channels, "manager.log", "vendorsim.log", "kubectl.txt", "helm*.txt", "uninstall.txt"); err != nil {
				return err
			}
			size, err := canary.New(secrets...).None(channels...)
			fmt.Fprintf(u.report.Out, "        %d secrets, %.1f MB searched\n", len(secrets), float64(size)/1e6)
			return err
		}),
	}}
}
