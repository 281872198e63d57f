package main

import (
	"os"

	"k8s.io/component-base/cli"
	"k8s.io/kubectl/pkg/cmd"
	"k8s.io/kubectl/pkg/cmd/util"
)

// runKubectl is `k3s kubectl`: without KUBECONFIG it reads K3s' own file.
func runKubectl(args []string) {
	const own = "/etc/rancher/k3s/k3s.yaml"

	if os.Getenv("KUBECONFIG") == "" {
		if _, err := os.Stat(own); err == nil {
			os.Setenv("KUBECONFIG", own)
		}
	}
	os.Args = append([]string{"kubectl"}, args...)
	command := cmd.NewDefaultKubectlCommand()
	if err := cli.RunNoErrOutput(command); err != nil {
		util.CheckErr(err)
	}
}
