package charts_test

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/yaml"

	"github.com/gatewaytoken/gateway-token-operator/api/v1alpha1"
	"github.com/gatewaytoken/gateway-token-operator/internal/demand"
	"github.com/gatewaytoken/gateway-token-operator/internal/ledger"
	"github.com/gatewaytoken/gateway-token-operator/internal/secretdata"
	"github.com/gatewaytoken/gateway-token-operator/internal/token"
)

// exampleValue has the characters that tokens have and that mean something in a URL.
const exampleValue = "rgw_a-b_c/d+e="

// TestVendorExamplesFit holds that the parts of an example name each other, that the
// issuer grants what the GatewayToken asks for, and that the Secret has what the
// vendor's consumers read, under the names that they read it by.
func TestVendorExamplesFit(t *testing.T) {
	var (
		job        batchv1.Job
		deployment appsv1.Deployment
		cronJob    batchv1.CronJob
	)
	tests := map[string]struct {
		consumer metav1.Object
		pods     *corev1.PodSpec
		// url is what templates see, credentials the name and keys of the issuer's Secret.
		url         func(*v1alpha1.TokenIssuerSpec) string
		credentials func(*v1alpha1.TokenIssuerSpec) []string
		want        map[string]string
	}{
		"rack-gateway-ci": {
			consumer: &job, pods: &job.Spec.Template.Spec,
			url: func(spec *v1alpha1.TokenIssuerSpec) string { return spec.RackGateway.URL },
			credentials: func(spec *v1alpha1.TokenIssuerSpec) []string {
				reference := spec.RackGateway.TokenSecretRef.Resolved()
				return []string{reference.Name, reference.Key}
			},
			want: map[string]string{
				"RACK_GATEWAY_API_TOKEN": exampleValue,
				"RACK_GATEWAY_URL":       "https://gateway.example.com",
				"RACK_URL":               "https://convox:rgw_a-b_c%2Fd%2Be%3D@gateway.example.com",
			},
		},
		"pingone-ldap-gateway": {
			consumer: &deployment, pods: &deployment.Spec.Template.Spec,
			url: func(spec *v1alpha1.TokenIssuerSpec) string { return spec.PingOne.APIURL() },
			credentials: func(spec *v1alpha1.TokenIssuerSpec) []string {
				reference := spec.PingOne.CredentialsSecretRef.Resolved()
				return []string{reference.Name, reference.ClientIDKey, reference.ClientSecretKey}
			},
			want: map[string]string{"gatewayCredential": exampleValue},
		},
		"causeloop-report": {
			consumer: &cronJob, pods: &cronJob.Spec.JobTemplate.Spec.Template.Spec,
			url: func(spec *v1alpha1.TokenIssuerSpec) string { return spec.Causeloop.APIURL() },
			credentials: func(spec *v1alpha1.TokenIssuerSpec) []string {
				reference := spec.Causeloop.TokenSecretRef.Resolved()
				return []string{reference.Name, reference.Key}
			},
			want: map[string]string{"CAUSELOOP_TOKEN": exampleValue, "CAUSELOOP_URL": "https://api.causeloop.ai"},
		},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			var (
				object      v1alpha1.GatewayToken
				issuer      v1alpha1.ClusterTokenIssuer
				credentials corev1.Secret
				its         corev1.Namespace
			)
			decodeExample(t, name, "manifests/gatewaytoken.yaml", &object)
			decodeExample(t, name, "manifests/issuer.yaml", &issuer)
			decodeExample(t, name, "manifests/credentials.yaml", &credentials)
			decodeExample(t, name, "manifests/namespace.yaml", &its)
			decodeExample(t, name, "consumer.yaml", tc.consumer)

			if object.IssuerRef() != issuer.Ref() || object.Namespace != its.Name || tc.consumer.GetNamespace() != its.Name {
				t.Errorf("%s in %s and a consumer in %s do not belong to %s and %s", object.IssuerRef(), object.Namespace, tc.consumer.GetNamespace(), issuer.Ref(), its.Name)
			}
			if granted, why, err := demand.Granted(&object, &issuer, &its); !granted || err != nil {
				t.Errorf("not granted: %s %v", why, err)
			}
			reference := tc.credentials(&issuer.Spec.TokenIssuerSpec)
			if credentials.Name != reference[0] || credentials.Namespace != namespace {
				t.Errorf("the issuer does not find its credentials in %s/%s", credentials.Namespace, credentials.Name)
			}
			for _, key := range reference[1:] {
				if credentials.StringData[key] == "" {
					t.Errorf("the issuer does not find the key %s", key)
				}
			}
			published := publish(t, &object, tc.url(&issuer.Spec.TokenIssuerSpec))
			if diff := cmp.Diff(tc.want, published); diff != "" {
				t.Errorf("the Secret (-want +got):\n%s", diff)
			}
			read := keysRead(tc.pods, object.SecretName(), published)
			for key := range tc.want {
				if !slices.Contains(read, key) {
					t.Errorf("the consumer reads %v of the Secret, and not %s", read, key)
				}
			}
		})
	}
}

func decodeExample(t *testing.T, name, path string, into any) {
	t.Helper()
	content, err := os.ReadFile(filepath.Join("../examples", name, path))
	if err != nil {
		t.Fatal(err)
	}
	if err := yaml.UnmarshalStrict(content, into); err != nil {
		t.Fatalf("%s: %v", path, err)
	}
}

// publish renders a Secret as the operator does.
func publish(t *testing.T, object *v1alpha1.GatewayToken, url string) map[string]string {
	t.Helper()
	sealer, err := ledger.NewSealer(bytes.Repeat([]byte{1}, ledger.KeyBytes))
	if err != nil {
		t.Fatal(err)
	}
	target, err := secretdata.NewTarget(object, "cluster", url, sealer)
	if err != nil {
		t.Fatal(err)
	}
	content, err := target.Content(token.NewValue(exampleValue), token.Value{}, ledger.Ledger{Version: ledger.Version})
	if err != nil {
		t.Fatal(err)
	}
	published := map[string]string{}
	for key, value := range content.Secret().Data {
		published[key] = string(value)
	}
	return published
}

// keysRead are the keys of a Secret that the containers have in their environment,
// under their own names.
func keysRead(pods *corev1.PodSpec, secret string, published map[string]string) []string {
	var keys []string
	for _, container := range pods.Containers {
		for _, source := range container.EnvFrom {
			if source.SecretRef != nil && source.SecretRef.Name == secret && source.Prefix == "" {
				for key := range published {
					keys = append(keys, key)
				}
			}
		}
		for _, variable := range container.Env {
			if from := variable.ValueFrom; from != nil && from.SecretKeyRef != nil && from.SecretKeyRef.Name == secret && from.SecretKeyRef.Key == variable.Name {
				keys = append(keys, variable.Name)
			}
		}
	}
	return keys
}
