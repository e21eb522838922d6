package controlplane

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

// errKilled says that a process did not end in time when asked to.
var errKilled = errors.New("did not end on SIGTERM and was killed")

// process is a child process whose output goes to a file.
type process struct {
	name string
	log  string
	cmd  *exec.Cmd
	done chan struct{} // closed when the process has ended
}

func startProcess(path string, log *os.File, args ...string) (*process, error) {
	p := &process{
		name: filepath.Base(path),
		log:  log.Name(),
		cmd:  exec.Command(path, args...), //nolint:noctx // stop ends it, in order: SIGTERM first
		done: make(chan struct{}),
	}
	p.cmd.Stdout, p.cmd.Stderr = log, log
	// A group of its own: Ctrl-C in a terminal must reach the caller, which then
	// stops things in order, and not all processes at once.
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := p.cmd.Start(); err != nil {
		return nil, fmt.Errorf("starting %s: %w", p.name, err)
	}
	go func() {
		defer close(p.done)
		_ = p.cmd.Wait() // how it ended is in ProcessState
	}()
	return p, nil
}

// ended returns nil while the process runs, and afterwards an error that says how
// it ended, with the last lines of its log.
func (p *process) ended() error {
	select {
	case <-p.done:
		return fmt.Errorf("%s ended by itself: %s\n%s", p.name, p.cmd.ProcessState, lastLines(p.log))
	default:
		return nil
	}
}

// stop asks the process to end, kills it after the grace period, and returns when
// it has ended.
func (p *process) stop(grace time.Duration) error {
	if err := p.ended(); err != nil {
		return err
	}
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return fmt.Errorf("stopping %s: %w", p.name, err)
	}
	timer := time.NewTimer(grace)
	defer timer.Stop()
	select {
	case <-p.done:
		return nil
	case <-timer.C:
	}
	if err := p.cmd.Process.Kill(); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return fmt.Errorf("killing %s: %w", p.name, err)
	}
	<-p.done
	return fmt.Errorf("%s %w", p.name, errKilled)
}

// lastLines returns the end of a log, for an error to quote.
func lastLines(path string) string {
	content, err := os.ReadFile(path)
	if err != nil {
		return err.Error()
	}
	lines := strings.Split(strings.TrimSpace(string(content)), "\n")
	return filepath.Base(path) + ":\n" + strings.Join(lines[max(0, len(lines)-logTail):], "\n")
}
