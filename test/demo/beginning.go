package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/gatewaytoken/gateway-token-operator/internal/testkit/stack"
)

// lowered are the settings that keep the demo short.
func lowered() []string {
	return stack.ShortSettings("--stranger-rest="+rest.String(), "--orphan-rest=1m") // 15m; 24h, never under --settle
}

// beginning starts everything.
func (d *demo) beginning() chapter {
	return chapter{Title: "A cluster, a vendor and the operator", Steps: []step{
		do("etcd, kube-apiserver and kube-controller-manager start", d.stack.StartControlPlane),
		check("the control plane is up", d.kubectl("get", "--raw", "/readyz")),
		do("a simulator of the vendors starts, which knows credentials of each: "+titles(stack.Vendors()...), d.startVendor),
		check("the simulated vendors answer over TLS and have no token", d.noTokens),
		do("helm install: CRDs, RBAC, ServiceAccount and Deployment of the chart", d.installChart),
		check("the CRDs are established", d.kubectl("wait", "--for=condition=Established", "--timeout=60s",
			"crd/gatewaytokens.gatewaytoken.io", "crd/tokenissuers.gatewaytoken.io", "crd/clustertokenissuers.gatewaytoken.io")),
		do("the operator starts, with the Deployment's arguments and a token of the chart's ServiceAccount", d.startOperator),
		check("the operator is ready and leads", func(ctx context.Context) error { return d.operator.AwaitLeader(ctx) }),
		check("it may do what the chart grants and no more", d.rights),
	}}
}

func (d *demo) startVendor(ctx context.Context) (err error) {
	d.vendor, err = d.stack.StartSimulator(ctx, "vendorsim", d.accounts)
	return err
}

func titles(vendors ...stack.Vendor) string {
	var names []string
	for _, vendor := range vendors {
		names = append(names, vendor.Title())
	}
	return strings.Join(names, ", ")
}

// noTokens holds while no vendor has made a token.
func (d *demo) noTokens(ctx context.Context) error {
	for _, at := range d.platforms() {
		tokens, err := at.Tokens(ctx)
		if err != nil {
			return err
		}
		if len(tokens) > 0 {
			return fmt.Errorf("expected no token at %s, found %+v", at.Vendor.Title(), tokens)
		}
	}
	return nil
}

func (d *demo) installChart(ctx context.Context) (err error) {
	// No node runs the pod: the binary is started beside the cluster. Loopback is where the simulated vendor is.
	d.release, err = d.stack.InstallChart(ctx, "logLevel=5", "allowCIDRs={127.0.0.0/8,::1/128}")
	return err
}

func (d *demo) startOperator(ctx context.Context) (err error) {
	fmt.Fprintf(d.report.Out, "        from the Deployment: %s\n", strings.Join(d.release.Args, " "))
	fmt.Fprintf(d.report.Out, "        lowered, so that nobody has to wait for minutes: %s\n", strings.Join(lowered(), " "))
	fmt.Fprintln(d.report.Out, "        log level 5 is the highest: at the end everything that was put out is searched for secrets")
	d.operator, err = d.stack.StartOperator(ctx, d.release, lowered()...)
	if err != nil {
		return err
	}
	d.observer = d.stack.Observe(ctx, d.operator, time.Second)
	return nil
}

// rights asks the API server what the operator's own kubeconfig may do.
func (d *demo) rights(ctx context.Context) error {
	may := map[string]bool{
		"create secrets": true, "patch gatewaytokens.gatewaytoken.io": true, "patch gatewaytokens.gatewaytoken.io/status": true,
		"list pods": true, "get pods": false, "patch deployments.apps": true, "get deployments.apps": false, "patch configmaps": false, "create gatewaytokens.gatewaytoken.io": false,
		"delete gatewaytokens.gatewaytoken.io": false, "create pods": false, "get nodes": false, "impersonate users": false,
	}
	for question, want := range may {
		args := append([]string{"--kubeconfig", d.operator.Kubeconfig(), "auth", "can-i", "--all-namespaces"}, strings.Fields(question)...)
		answer, err := d.stack.Kubectl.Run(ctx, args...)
		if answer = strings.TrimSpace(answer); answer == "" { // "no" is an exit code, too
			return err
		}
		if (answer == "yes") != want {
			return fmt.Errorf("expected the answer to %q to be %t, found %q", question, want, answer)
		}
	}
	return nil
}

// inviteToPlay says how to use what is left running.
func (d *demo) inviteToPlay() {
	fmt.Fprintf(d.report.Out, `
Everything is running, and ready after %.0f s. In another terminal:

  export KUBECONFIG=%s

  kubectl get gwtokens --all-namespaces
  kubectl -n %s describe gatewaytoken/%s
  kubectl -n %s delete secret %s        # it comes back with the same value
  kubectl -n %s delete gatewaytoken %s       # revoked at the vendor, Secret gone
  kubectl apply -f examples/causely-mediator/manifests/gatewaytoken.yaml

What the vendor knows, how often it was called, and how to let it fail:

  SIM=%s CA=%s
  curl --cacert $CA $SIM/sim/causely/truth
  curl --cacert $CA $SIM/sim/transcript
  curl --cacert $CA -d '{"route":"causely.list","kind":"status","status":503,"times":0}' $SIM/sim/faults
  curl --cacert $CA -X DELETE $SIM/sim/faults
  curl --cacert $CA -X POST $SIM/sim/causely/tokens/%s/revoke   # a person revokes the token

The operator's log: %s

Ctrl-C stops everything.
`, time.Since(d.report.Began).Seconds(), d.stack.AdminKubeconfig(), storyNamespace, storyToken, storyNamespace, storySecret, storyNamespace, storyToken,
		d.vendor.URL, d.vendor.CAFile, d.id, d.operator.Log())
}
