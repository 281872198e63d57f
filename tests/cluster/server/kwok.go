package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
	"time"

	"kiln.test/k3s/pki"
)

// runKwok keeps kwok running beside the server: it plays the pods of all
// nodes, and the machines of those annotated kwok.x-k8s.io/node=fake. A new
// list of rules restarts it; kwok looks at the state of things, so nothing
// is lost by that. Nodes with an agent keep their own heartbeat.
func runKwok(ctx context.Context, srv *server) error {
	program := filepath.Join(selfDir(), "kwok")
	if p := os.Getenv("TESTK3S_KWOK"); p != "" {
		program = p
	} else if p, err := attachedKwok(filepath.Join(srv.s.data, "kwok-bin")); err != nil {
		fmt.Fprintf(os.Stderr, "level=warning msg=\"kwok in our own file: %v\"\n", err)
	} else if p != "" {
		program = p
	}
	if _, err := os.Stat(program); err != nil {
		fmt.Fprintf(os.Stderr, "level=warning msg=\"no kwok beside testk3s: pods stay Pending\"\n")
		return srv.scenario.withoutKwok(ctx)
	}
	rules := srv.scenario.podRules()
	for {
		next, err := oneKwok(ctx, srv, program, rules)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err != nil {
			fmt.Fprintf(os.Stderr, "level=warning msg=\"kwok: %v\"\n", err)
			time.Sleep(time.Second)
		}
		if next != nil {
			rules = *next
		}
	}
}

const attachMark = "testk3s-attached"

// attachedKwok takes kwok out of our own program's file, for images that have room for one
// file alone: kwok behind the program, then its length in 16 hex digits and the mark
// (attach.sh). The copy lies at path; without a kwok in the file the answer is "".
func attachedKwok(path string) (string, error) {
	self, err := os.Open("/proc/self/exe")
	if err != nil {
		return "", err
	}
	defer self.Close()
	info, err := self.Stat()
	if err != nil {
		return "", err
	}
	tail := make([]byte, 16+len(attachMark))
	if _, err := self.ReadAt(tail, info.Size()-int64(len(tail))); err != nil {
		return "", err
	}
	if string(tail[16:]) != attachMark {
		return "", nil
	}
	size, err := strconv.ParseInt(string(tail[:16]), 16, 64)
	at := info.Size() - int64(len(tail)) - size
	if err != nil || size <= 0 || at <= 0 {
		return "", errors.New("its length is damaged")
	}
	if have, err := os.Stat(path); err == nil && have.Size() == size {
		return path, nil
	}
	out, err := os.OpenFile(path+".new", os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o755)
	if err != nil {
		return "", err
	}
	_, err = io.Copy(out, io.NewSectionReader(self, at, size))
	if err := errors.Join(err, out.Sync(), out.Close()); err != nil {
		return "", err
	}
	return path, os.Rename(path+".new", path)
}

// withoutKwok takes note of changes that nobody plays.
func (sc *scenario) withoutKwok(ctx context.Context) error {
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case next := <-sc.podChanges:
			close(next.taken)
		}
	}
}

// oneKwok runs kwok until it ends, or until the rules change and returns those.
func oneKwok(ctx context.Context, srv *server, program string, rules []podRule) (*[]podRule, error) {
	text, err := kwokStages(rules)
	if err != nil {
		return nil, err
	}
	config := filepath.Join(srv.s.data, "etc", "kwok.yaml")
	if err := pki.WriteFile(config, []byte(text), 0o600); err != nil {
		return nil, err
	}
	log, err := os.OpenFile(filepath.Join(srv.s.data, "kwok.log"), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return nil, err
	}
	defer log.Close()
	cmd := exec.Command(program, "--kubeconfig="+srv.s.cred("supervisor.kubeconfig"), "--config="+config,
		"--manage-all-nodes=true", "--node-lease-duration-seconds=0", "--server-address=")
	cmd.Stdout, cmd.Stderr = log, log
	cmd.Env = append(os.Environ(), "HOME="+srv.s.data, "KWOK_WORKDIR="+filepath.Join(srv.s.data, "kwok"))
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	select {
	case <-ctx.Done():
		_ = cmd.Process.Kill()
		<-ended
		return nil, ctx.Err()
	case next := <-srv.scenario.podChanges:
		_ = cmd.Process.Kill()
		<-ended
		close(next.taken)
		return &next.rules, nil
	case err := <-ended:
		return nil, errors.Join(errors.New("ended"), err)
	}
}
