package stack

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"path/filepath"
	"time"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// Uninstall runs helm uninstall and, in the place of a kubelet, what the chart's hook asks for, if it asks: the operator's binary with the
// arguments of the Job's container, the variables of its environment and the rights of its ServiceAccount. It gives what that said, and how
// Helm ended.
func (s *Stack) Uninstall(ctx context.Context, release Release, args ...string) (said string, err error) {
	key := client.ObjectKey{Namespace: release.Namespace, Name: release.Name + "-uninstall"}
	before, err := s.jobUID(ctx, key)
	if err != nil {
		return "", err
	}
	ctx, cancel := context.WithTimeout(ctx, 3*time.Minute)
	defer cancel()
	played := make(chan string, 1)
	failed := make(chan error, 1)
	go func() {
		text, err := s.playJob(ctx, key, before)
		played <- text
		failed <- err
	}()
	_, err = s.Helm.Run(ctx, append([]string{"uninstall", release.Name, "--namespace", release.Namespace, "--timeout", "2m"}, args...)...)
	cancel() // a release without a hook has no Job
	said = <-played
	if playing := <-failed; !errors.Is(playing, context.Canceled) {
		err = errors.Join(err, playing)
	}
	return said, err
}

func (s *Stack) jobUID(ctx context.Context, key client.ObjectKey) (types.UID, error) {
	job := &batchv1.Job{}
	err := s.Client.Get(ctx, key, job)
	return job.UID, client.IgnoreNotFound(err)
}

// playJob waits for another Job than the one before, and does what its pod would do.
func (s *Stack) playJob(ctx context.Context, key client.ObjectKey, before types.UID) (string, error) {
	job := &batchv1.Job{}
	err := Await(ctx, operatorGrace, func(ctx context.Context) error {
		if err := s.Client.Get(ctx, key, job); err != nil {
			return err
		}
		if job.UID == before {
			return fmt.Errorf("expected another Job %s than the one before", key)
		}
		return nil
	})
	if err != nil {
		return "", err
	}
	pod := job.Spec.Template.Spec
	kubeconfig, err := s.plane.KubeconfigForServiceAccount(ctx, job.Namespace, pod.ServiceAccountName)
	if err != nil {
		return "", err
	}
	cmd := exec.CommandContext(ctx, s.binaries.manager, expand(job.Namespace, pod.Containers[0])...)
	cmd.Env = []string{"KUBECONFIG=" + kubeconfig}
	cmd.Dir = filepath.Join(s.dir, "home")
	output, failed := cmd.CombinedOutput()
	if err := s.Append("uninstall.txt", string(output)); err != nil {
		return "", err
	}
	return string(output), FinishJob(ctx, s.Client, job, failed)
}

// FinishJob writes into a Job's status how its pod ended, as the Job controller does, which does not run here.
func FinishJob(ctx context.Context, writer client.StatusClient, job *batchv1.Job, failed error) error {
	now := metav1.Now()
	job.Status.StartTime = &now
	kinds := []batchv1.JobConditionType{batchv1.JobSuccessCriteriaMet, batchv1.JobComplete}
	if failed != nil {
		kinds = []batchv1.JobConditionType{batchv1.JobFailureTarget, batchv1.JobFailed}
		job.Status.Failed = 1
	} else {
		job.Status.CompletionTime, job.Status.Succeeded = &now, 1
	}
	for _, kind := range kinds {
		job.Status.Conditions = append(job.Status.Conditions, batchv1.JobCondition{
			Type: kind, Status: corev1.ConditionTrue, Reason: "Played", LastProbeTime: now, LastTransitionTime: now,
		})
	}
	if err := writer.Status().Update(ctx, job); err != nil {
		return fmt.Errorf("tell how Job %s ended: %w", job.Name, err)
	}
	return nil
}
