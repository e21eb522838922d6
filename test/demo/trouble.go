package main

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/gatewaytoken/gateway-token-operator/api/v1alpha1"
	"github.com/gatewaytoken/gateway-token-operator/internal/simulator/causely"
	"github.com/gatewaytoken/gateway-token-operator/internal/simulator/stage"
	"github.com/gatewaytoken/gateway-token-operator/internal/testkit/stack"
)

// killed kills the operator at the worst moment: the vendor has made the token, and nobody in the cluster knows.
func (d *demo) killed() chapter {
	const name = "survivor"
	var committed stack.Token
	return chapter{Title: "The operator is killed after the vendor has made a token and before the Secret is written", Steps: []step{
		do("the vendor will make the next token and hold its answer back", func(ctx context.Context) error {
			return d.vendor.AddFaults(ctx, stack.Fault{Route: causely.RouteCreate, Kind: stage.HangAfterCommit, Times: 1})
		}),
		do("kubectl apply: GatewayToken "+name, d.apply(tokenManifest(storyNamespace, name, v1alpha1.KindClusterTokenIssuer, storyIssuer, ""))),
		check("the vendor has made the token, and the operator is killed (SIGKILL)", func(ctx context.Context) error {
			var err error
			committed, err = made(ctx, func(ctx context.Context) ([]stack.Token, error) { return d.causely().TokensOf(ctx, name) })
			return errors.Join(err, d.operator.Kill())
		}),
		check("no Secret had been written", d.noSecret(storyNamespace, name)),
		do("the operator starts again and waits until the dead one's Lease has expired", func(ctx context.Context) error { return d.operator.Start(ctx) }),
		check("the GatewayToken becomes Ready", d.becomesReady(storyNamespace, name)),
		check("the Secret holds the very token that the vendor had made", func(ctx context.Context) error {
			connection, err := d.activeInSecret(ctx, d.causely(), storyNamespace, name, tokenKey)
			if err == nil && connection.ID != committed.ID {
				err = fmt.Errorf("expected token %s, found %s", committed.ID, connection.ID)
			}
			return err
		}),
		check("no second one was made: exactly one create for it, three in all", both(haveRows(d.causely, name, 1, 1), wereCreates(d.causely, 3))),
		check("the other token was not touched", both(d.stillHolds, d.tells(theToken(), ready()))),
		do("the vendor answers again", func(ctx context.Context) error { return d.vendor.ClearFaults(ctx) }),
	}}
}

// stopped ends the operator in good order while the vendor is making a token, as a rollout of the operator's Deployment does.
func (d *demo) stopped() chapter {
	const name, held = "punctual", 1500 * time.Millisecond
	var committed stack.Token
	return chapter{Title: "The operator is told to end while the vendor is making a token", Steps: []step{
		do("the vendor will hold back its next answer for a while", func(ctx context.Context) error {
			return d.vendor.AddFaults(ctx, stack.Fault{Route: causely.RouteCreate, Kind: stage.HangAfterCommit, Times: 1, Delay: held.String()})
		}),
		do("kubectl apply: GatewayToken "+name, d.apply(tokenManifest(storyNamespace, name, v1alpha1.KindClusterTokenIssuer, storyIssuer, ""))),
		check("the vendor has made the token, and the operator ends well after SIGTERM", func(ctx context.Context) (err error) {
			committed, err = made(ctx, func(ctx context.Context) ([]stack.Token, error) { return d.causely().TokensOf(ctx, name) })
			return errors.Join(err, d.operator.Stop())
		}),
		check("before it ended it wrote the Secret with that token", func(ctx context.Context) error {
			connection, err := d.activeInSecret(ctx, d.causely(), storyNamespace, name, tokenKey)
			if err == nil && connection.ID != committed.ID {
				err = fmt.Errorf("expected token %s, found %s", committed.ID, connection.ID)
			}
			return err
		}),
		check("it gave its Lease back, last of all", func(ctx context.Context) error {
			holder, err := d.operator.Holder(ctx)
			if err == nil && holder != "" {
				err = fmt.Errorf("expected nobody to hold the Lease, found %q", holder)
			}
			return err
		}),
		do("the operator starts again", func(ctx context.Context) error { return d.operator.Start(ctx) }),
		check("the GatewayToken becomes Ready", d.becomesReady(storyNamespace, name)),
		check("no second one was made: exactly one create for it", haveRows(d.causely, name, 1, 1)),
	}}
}

// made waits until the vendor has made a token, and a value of it, for an object: well within the request time-out, and so more often than anything
// else is asked for.
func made(ctx context.Context, tokens func(context.Context) ([]stack.Token, error)) (committed stack.Token, err error) {
	err = stack.AwaitEvery(ctx, 10*time.Millisecond, patience, func(ctx context.Context) error {
		found, err := tokens(ctx)
		if err != nil {
			return err
		}
		if len(found) == 0 || !found[0].Issued {
			return errors.New("expected the vendor to have made a token, found none")
		}
		committed = found[0]
		return nil
	})
	return committed, err
}

// outage lets the vendor fail for a while.
func (d *demo) outage() chapter {
	const name = "latecomer"
	var before int
	latecomer := object{kind: v1alpha1.KindGatewayToken, namespace: storyNamespace, name: name}
	down := expectation{kind: v1alpha1.ConditionVendorReachable, status: "False", reason: v1alpha1.ReasonVendorUnavailable, says: "tried again by itself"}
	return chapter{Title: "The vendor is down for a while", Steps: []step{
		do("every call is answered 503", func(ctx context.Context) (err error) {
			if before, err = d.causely().Calls(ctx); err != nil {
				return err
			}
			return d.vendor.AddFaults(ctx, unavailable()...)
		}),
		check("the GatewayToken says so in VendorReachable", soon(d.tells(theToken(), down))),
		check("it stays Ready, and its Secret as it is", both(d.tells(theToken(), ready()), d.stillHolds)),
		do("kubectl apply: GatewayToken "+name, d.apply(tokenManifest(storyNamespace, name, v1alpha1.KindClusterTokenIssuer, storyIssuer, ""))),
		check("the new one waits, and says for what", soon(d.tells(latecomer, expectation{
			kind: v1alpha1.ConditionReady, status: "False", reason: v1alpha1.ReasonVendorUnavailable, says: "tried again by itself"}))),
		do("somebody annotates the GatewayToken ten times", func(ctx context.Context) error {
			for i := range 10 {
				if err := d.kubectl("--namespace", storyNamespace, "annotate", "--overwrite", "gatewaytoken", storyToken, "example.com/poke="+strconv.Itoa(i))(ctx); err != nil {
					return err
				}
			}
			return nil
		}),
		check("the vendor was hardly called meanwhile: not more than six times, and asked for no token", func(ctx context.Context) error {
			after, err := d.causely().Calls(ctx)
			if err == nil && after-before > 6 {
				err = fmt.Errorf("expected at most 6 calls during the outage, found %d", after-before)
			}
			return errors.Join(err, wereCreates(d.causely, 3)(ctx))
		}),
		do("the vendor is back", func(ctx context.Context) error { return d.vendor.ClearFaults(ctx) }),
		check("all heals by itself: the vendor is reachable, the new one gets its token", both(
			soon(d.tells(theToken(), expectation{kind: v1alpha1.ConditionVendorReachable, status: "True"})),
			d.becomesReady(storyNamespace, name))),
		check("with one create, four in all; the other Secret was never touched", both(
			haveRows(d.causely, name, 1, 1), wereCreates(d.causely, 4), d.stillHolds)),
	}}
}

// unavailable is a vendor that answers every call with 503.
func unavailable() []stack.Fault {
	var faults []stack.Fault
	for _, route := range []string{causely.RouteLogin, causely.RouteCreate, causely.RouteList, causely.RouteRevoke} {
		faults = append(faults, stack.Fault{Route: route, Kind: stage.Status, Status: 503})
	}
	return faults
}
