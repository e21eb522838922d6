package stack

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// logTail is how many lines of a log an error quotes.
const logTail = 15

// ErrKilled says that a process did not end in time when asked to.
var ErrKilled = errors.New("did not end on SIGTERM and was killed")

// process is a child process whose output is appended to a log.
type process struct {
	cmd  *exec.Cmd
	log  string
	done chan struct{} // closed when the process has ended
}

// start runs cmd with its output appended to the log.
func start(cmd *exec.Cmd, log string) (*process, error) {
	file, err := os.OpenFile(log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, err
	}
	defer func() { _ = file.Close() }() // the child has its own
	cmd.Stdout, cmd.Stderr = file, file
	// A group of its own: Ctrl-C in a terminal must reach the caller, which then stops things in order.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("start %s: %w", filepath.Base(cmd.Path), err)
	}
	p := &process{cmd: cmd, log: log, done: make(chan struct{})}
	go func() {
		defer close(p.done)
		_ = cmd.Wait() // how it ended is in ProcessState
	}()
	return p, nil
}

func (p *process) name() string { return filepath.Base(p.cmd.Path) }

func (p *process) running() bool { return p.ended() == nil }

// ended is nil while the process runs, and afterwards an error that says how it ended.
func (p *process) ended() error {
	select {
	case <-p.done:
		return fmt.Errorf("%s ended: %s; the end of its log:\n%s", p.name(), p.cmd.ProcessState, tail(p.log))
	default:
		return nil
	}
}

// kill sends SIGKILL and returns when the process is gone. The error says that it had ended before.
func (p *process) kill() error {
	if err := p.ended(); err != nil {
		return err
	}
	if err := p.cmd.Process.Kill(); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return fmt.Errorf("kill %s: %w", p.name(), err)
	}
	<-p.done
	return nil
}

// stop is end of a program that must end with the status 0.
func (p *process) stop(grace time.Duration) error {
	err := p.end(grace)
	if err == nil && !p.cmd.ProcessState.Success() {
		err = fmt.Errorf("%s ended with %s when told to stop; the end of its log:\n%s", p.name(), p.cmd.ProcessState, tail(p.log))
	}
	return err
}

// end sends SIGTERM and returns when the process is gone; after the grace period it is killed. The error says that it
// had ended before or had to be killed.
func (p *process) end(grace time.Duration) error {
	if err := p.ended(); err != nil {
		return err
	}
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return fmt.Errorf("stop %s: %w", p.name(), err)
	}
	timer := time.NewTimer(grace)
	defer timer.Stop()
	select {
	case <-p.done:
		return nil
	case <-timer.C:
		return errors.Join(fmt.Errorf("%s %w", p.name(), ErrKilled), p.kill())
	}
}

// tail returns the last lines of a file.
func tail(path string) string {
	content, err := os.ReadFile(path)
	if err != nil {
		return err.Error()
	}
	lines := strings.Split(strings.TrimSpace(string(content)), "\n")
	return strings.Join(lines[max(0, len(lines)-logTail):], "\n")
}
