// k3s-import SOCKET ARCHIVE PLATFORM: the call by which K3s takes an air-gap archive in
// (its pkg/agent/containerd), then each image as a kubelet's containerd looks for it: by the
// name in its normal form, for one platform. Prints "NAME DIGEST CONFIG" a line.
package main

import (
	"context"
	"fmt"
	"os"

	containerd "github.com/containerd/containerd/v2/client"
	"github.com/containerd/containerd/v2/pkg/namespaces"
	"github.com/containerd/platforms"
	"github.com/distribution/reference"
)

func run(socket, archive, platform string) error {
	ctx := namespaces.WithNamespace(context.Background(), "k8s.io")
	only, err := platforms.Parse(platform)
	if err != nil {
		return err
	}
	c, err := containerd.New(socket, containerd.WithDefaultPlatform(platforms.OnlyStrict(only)))
	if err != nil {
		return err
	}
	defer c.Close()
	f, err := os.Open(archive)
	if err != nil {
		return err
	}
	defer f.Close()
	images, err := c.Import(ctx, f, containerd.WithAllPlatforms(true), containerd.WithSkipMissing())
	if err != nil {
		return err
	}
	for _, i := range images {
		ref, err := reference.ParseDockerRef(i.Name)
		if err != nil {
			return err
		}
		image, err := c.GetImage(ctx, ref.String())
		if err != nil {
			return err
		}
		config, err := image.Config(ctx)
		if err != nil {
			return fmt.Errorf("%s: %w", i.Name, err)
		}
		fmt.Println(i.Name, image.Target().Digest, config.Digest)
	}
	return nil
}

func main() {
	if err := run(os.Args[1], os.Args[2], os.Args[3]); err != nil {
		fmt.Fprintln(os.Stderr, "k3s-import:", err)
		os.Exit(1)
	}
}
