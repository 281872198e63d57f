// testk3s is a test tool: the real Kubernetes control plane behind the
// outside that K3s shows. README.md says what it proves and what not.
package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"k8s.io/component-base/version"

	"kiln.test/k3s/agent"
	"kiln.test/k3s/conf"
)

const usage = `usage: testk3s server [option...]   control plane, and this machine's agent
       testk3s agent [option...]    agent alone
       testk3s kubectl [word...]    the real kubectl
       testk3s --version

Options are those of K3s; files and their merging too. README.md of tests/cluster
tells what is real, what is played and what testk3s does not prove.
`

func main() {
	words := os.Args[1:]
	if filepath.Base(os.Args[0]) == "kubectl" {
		words = append([]string{"kubectl"}, words...)
	}
	if len(words) == 0 {
		fmt.Fprint(os.Stderr, usage)
		os.Exit(2)
	}
	switch words[0] {
	case "server":
		os.Exit(run("server", words[1:], runServer))
	case "agent":
		os.Exit(run("agent", words[1:], agent.Run))
	case "kubectl":
		runKubectl(words[1:])
	case "--version", "-v", "version":
		fmt.Printf("k3s version %s (testk3s: a test tool, not K3s)\n", version.Get().GitVersion)
		fmt.Println("real: kube-apiserver, controller-manager, scheduler, etcd, kubectl; played: kubelet, pods, network")
	case "help", "--help", "-h":
		fmt.Print(usage)
	default:
		fmt.Fprintf(os.Stderr, "testk3s: no such command '%s'\n", words[0])
		os.Exit(2)
	}
}

func run(role string, args []string, start func(*conf.Options) error) int {
	opts, err := conf.Parse(role, args)
	if errors.Is(err, conf.ErrHelp) {
		fmt.Printf("options of k3s %s:\n", role)
		for _, f := range conf.Flags(role) {
			fmt.Println("  --" + f.Name)
		}
		return 0
	}
	if err != nil {
		fmt.Fprintf(os.Stderr, "Incorrect Usage: %v\n\ntestk3s %s: %v\n", err, role, err)
		return 1
	}
	for _, w := range opts.Warnings {
		fmt.Fprintln(os.Stderr, "level=warning msg="+w)
	}
	if err := start(opts); err != nil {
		fmt.Fprintf(os.Stderr, "level=fatal msg=%q\n", err.Error())
		return 1
	}
	return 0
}
