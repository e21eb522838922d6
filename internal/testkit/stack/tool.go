package stack

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// Tool is a command line tool that works on the stack's cluster as its administrator. What it prints is kept in a file.
// It is safe for concurrent use.
type Tool struct {
	path        string
	environment []string
	record      string
}

// NewTool makes a Tool of a program that the product does not know, with variables of its own beside those that kubectl and Helm have.
func (s *Stack) NewTool(path string, environment ...string) *Tool {
	made := s.tool(path, s.AdminKubeconfig())
	made.environment = append(made.environment, environment...)
	return made
}

// tool makes a Tool whose configuration and caches are the run's own and not the user's.
func (s *Stack) tool(path, kubeconfig string) *Tool {
	home := filepath.Join(s.dir, "home")
	return &Tool{
		path:   path,
		record: s.Channel(filepath.Base(path) + ".txt"),
		environment: []string{
			"PATH=" + os.Getenv("PATH"), "HOME=" + home, "KUBECONFIG=" + kubeconfig,
			"KUBECACHEDIR=" + filepath.Join(home, "kube"),
			"HELM_CACHE_HOME=" + filepath.Join(home, "helm"), "HELM_CONFIG_HOME=" + filepath.Join(home, "helm"),
			"HELM_DATA_HOME=" + filepath.Join(home, "helm"),
		},
	}
}

// Run runs the tool and returns what it printed on its standard output.
func (t *Tool) Run(ctx context.Context, args ...string) (string, error) {
	return t.RunWith(ctx, "", args...)
}

// RunWith is Run with a standard input.
func (t *Tool) RunWith(ctx context.Context, input string, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, t.path, args...)
	cmd.Env = t.environment
	cmd.Stdin = strings.NewReader(input)
	var out, failure bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &failure
	err := cmd.Run()
	line := filepath.Base(t.path) + " " + strings.Join(args, " ")
	if kept := appendTo(t.record, "$ "+line+"\n"+out.String()+failure.String()); kept != nil {
		return "", kept
	}
	if err != nil {
		return out.String(), fmt.Errorf("%s: %w: %s", line, err, strings.TrimSpace(failure.String()))
	}
	return out.String(), nil
}

// appendTo adds a piece of text to a file, in one write.
func appendTo(path, text string) error {
	file, err := os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	if _, err := file.WriteString(text); err != nil {
		_ = file.Close()
		return err
	}
	return file.Close()
}
