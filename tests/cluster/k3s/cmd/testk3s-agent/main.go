// testk3s-agent is `testk3s agent` alone: a small static program for the
// worker machines of tests, without the API server.
package main

import (
	"errors"
	"fmt"
	"os"

	"kiln.test/k3s/agent"
	"kiln.test/k3s/conf"
)

func main() {
	args := os.Args[1:]
	if len(args) > 0 && (args[0] == "--version" || args[0] == "-v") {
		fmt.Println("testk3s-agent: a test tool, not K3s; it plays a node, no container runs")
		return
	}
	if len(args) == 0 || args[0] != "agent" {
		fmt.Fprintln(os.Stderr, "usage: testk3s-agent agent [option...]")
		os.Exit(2)
	}
	opts, err := conf.Parse("agent", args[1:])
	if errors.Is(err, conf.ErrHelp) {
		for _, f := range conf.Flags("agent") {
			fmt.Println("  --" + f.Name)
		}
		return
	}
	if err == nil {
		err = agent.Run(opts)
	} else {
		fmt.Fprintf(os.Stderr, "Incorrect Usage: %v\n\n", err)
	}
	if err != nil {
		fmt.Fprintf(os.Stderr, "level=fatal msg=%q\n", err.Error())
		os.Exit(1)
	}
}
