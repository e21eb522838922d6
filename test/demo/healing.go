package main

import (
	"context"
	"fmt"
	"maps"

	"k8s.io/apimachinery/pkg/types"
)

// revokedByHand lets a person revoke the token at the vendor.
func (d *demo) revokedByHand() chapter {
	var old, oldID string
	return chapter{Title: "Somebody revokes the token at the vendor", Steps: []step{
		do("a person revokes it in the vendor's console", func(ctx context.Context) error {
			old, oldID = d.value, d.id
			return d.causely().Revoke(ctx, d.id)
		}),
		check("the Secret gets a new value, which the vendor accepts", soon(func(ctx context.Context) error {
			value, err := d.secretValue(ctx, storyNamespace, storySecret, tokenKey)
			if err != nil {
				return err
			}
			if value == old {
				return fmt.Errorf("expected a value other than the revoked one, found that one")
			}
			return d.readStorySecret(ctx)
		})),
		check("the old value is refused", func(ctx context.Context) error {
			connection, err := d.causely().Check(ctx, old)
			if err == nil && (!connection.Known || connection.Active || connection.ID != oldID) {
				err = fmt.Errorf("expected the vendor to know the old value as revoked, found %+v", connection)
			}
			return err
		}),
		check("the GatewayToken is Ready again", soon(d.tells(theToken(), ready()))),
		check("that took one create: two in all", both(wereCreates(d.causely, 2), haveRows(d.causely, storyBase, 2, 1))),
	}}
}

// secretTouched edits and deletes the Secret.
func (d *demo) secretTouched() chapter {
	var deleted types.UID
	return chapter{Title: "The Secret is edited, then deleted", Steps: []step{
		do("somebody writes another value into it", d.kubectl("--namespace", storyNamespace, "patch", "secret", storySecret,
			"--type=merge", "--patch", `{"stringData":{"token":"`+tampered+`"}}`)),
		check("the same value comes back", soon(d.stillHolds)),
		do("somebody removes one of its two keys", d.kubectl("--namespace", storyNamespace, "patch", "secret", storySecret,
			"--type=merge", "--patch", `{"data":{"CAUSELY_GATEWAY_TOKEN":null}}`)),
		check("the key comes back", soon(d.hasKeys("CAUSELY_GATEWAY_TOKEN", "token"))),
		do("somebody deletes it", func(ctx context.Context) error {
			secret, err := d.secret(ctx, storyNamespace, storySecret)
			if err != nil {
				return err
			}
			deleted = secret.UID
			return d.kubectl("--namespace", storyNamespace, "delete", "secret", storySecret)(ctx)
		}),
		check("a new Secret comes back with the same value", soon(func(ctx context.Context) error {
			secret, err := d.secret(ctx, storyNamespace, storySecret)
			if err != nil {
				return err
			}
			if secret.UID == deleted {
				return fmt.Errorf("expected another Secret than the deleted one")
			}
			return d.stillHolds(ctx)
		})),
		check("the GatewayToken is Ready", soon(d.tells(theToken(), ready()))),
		check("nothing of it cost a create: still two in all", wereCreates(d.causely, 2)),
	}}
}

// specEdited changes what the Secret looks like.
func (d *demo) specEdited() chapter {
	patch := func(secret string) func(context.Context) error {
		return d.kubectl("--namespace", storyNamespace, "patch", "gatewaytoken", storyToken, "--type=merge", "--patch", `{"spec":{"secret":`+secret+`}}`)
	}
	return chapter{Title: "The spec is edited", Steps: []step{
		do("a label, an annotation and a key with a template are added", patch(
			`{"labels":{"team":"observability"},"annotations":{"example.com/contact":"sre"},"data":{"header":"Bearer {{ .Token }}"}}`)),
		check("the Secret has them, with the same token", soon(both(d.hasKeys("CAUSELY_GATEWAY_TOKEN", "header", "token"), d.stillHolds, func(ctx context.Context) error {
			secret, err := d.secret(ctx, storyNamespace, storySecret)
			if err != nil {
				return err
			}
			if secret.Labels["team"] != "observability" || secret.Annotations["example.com/contact"] != "sre" || string(secret.Data["header"]) != "Bearer "+d.value {
				return fmt.Errorf("expected the label, the annotation and the rendered key, found %v, %v", secret.Labels, keysOf(secret))
			}
			return nil
		}))),
		do("label and key are dropped", patch(`{"labels":null,"data":{"header":null}}`)),
		check("they are gone from the Secret", soon(both(d.hasKeys("CAUSELY_GATEWAY_TOKEN", "token"), func(ctx context.Context) error {
			secret, err := d.secret(ctx, storyNamespace, storySecret)
			if err == nil && secret.Labels["team"] != "" {
				err = fmt.Errorf("expected no label team, found %v", maps.Clone(secret.Labels))
			}
			return err
		}))),
		check("the same token is in it, and no create was made: still two in all", both(d.stillHolds, wereCreates(d.causely, 2))),
	}}
}

// hasKeys holds when the Secret of the story has exactly these keys.
func (d *demo) hasKeys(want ...string) func(context.Context) error {
	return d.hasOnly(storyNamespace, storySecret, want...)
}
