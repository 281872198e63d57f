// certmanager runs cert-manager's real admission webhook and its real
// cainjector as one plain process beside testk3s, in place of the two pods
// that kwok plays. With --inject-when the CA reaches the webhook's
// configuration late, as it does on a slow machine: once that file is there.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"

	admissionreg "k8s.io/api/admissionregistration/v1"
	corev1 "k8s.io/api/core/v1"
	apiext "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/klog/v2"
	apireg "k8s.io/kube-aggregator/pkg/apis/apiregistration/v1"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/metrics/server"

	"github.com/cert-manager/cert-manager/internal/apis/config/shared"
	config "github.com/cert-manager/cert-manager/internal/apis/config/webhook"
	"github.com/cert-manager/cert-manager/internal/webhook"
	cmapi "github.com/cert-manager/cert-manager/pkg/apis/certmanager/v1"
	"github.com/cert-manager/cert-manager/pkg/controller/cainjector"
)

func main() {
	// a set of our own: controller-runtime has a flag kubeconfig as well
	fs := flag.NewFlagSet("certmanager", flag.ExitOnError)
	kubeconfig := fs.String("kubeconfig", "", "how to reach the API server")
	namespace := fs.String("namespace", "cert-manager", "cert-manager's namespace")
	port := fs.Int("port", 10250, "loopback port of the webhook")
	when := fs.String("inject-when", "", "start cainjector when this file is there")
	_ = fs.Parse(os.Args[1:])

	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	ctrl.SetLogger(klog.Background())
	failed := make(chan error, 2)
	go func() { failed <- runWebhook(ctx, *kubeconfig, *namespace, int32(*port)) }()
	go func() {
		if waitFile(ctx, *when) {
			failed <- runInjector(ctx, *kubeconfig)
		}
	}()
	select {
	case <-ctx.Done():
	case err := <-failed:
		if ctx.Err() == nil {
			fmt.Fprintln(os.Stderr, "certmanager:", err)
			os.Exit(1)
		}
	}
}

// waitFile waits for a file, or says that the program is to end.
func waitFile(ctx context.Context, file string) bool {
	for file != "" {
		if _, err := os.Stat(file); err == nil {
			break
		}
		select {
		case <-ctx.Done():
			return false
		case <-time.After(100 * time.Millisecond):
		}
	}
	return true
}

func runWebhook(ctx context.Context, kubeconfig, ns string, port int32) error {
	srv, err := webhook.NewCertManagerWebhookServer(klog.Background(), config.WebhookConfiguration{
		SecurePort:           port,
		HealthzPort:          0,
		KubeConfig:           kubeconfig,
		MetricsListenAddress: "0",
		TLSConfig: shared.TLSConfig{Dynamic: shared.DynamicServingConfig{
			SecretNamespace: ns,
			SecretName:      "cert-manager-webhook-ca",
			DNSNames: []string{"cert-manager-webhook", "cert-manager-webhook." + ns,
				"cert-manager-webhook." + ns + ".svc"},
			LeafDuration: 7 * 24 * time.Hour,
		}},
	})
	if err != nil {
		return err
	}
	return srv.Run(ctx)
}

func runInjector(ctx context.Context, kubeconfig string) error {
	rest, err := clientcmd.BuildConfigFromFlags("", kubeconfig)
	if err != nil {
		return err
	}
	rest.UserAgent = "cert-manager-cainjector"
	scheme := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{admissionreg.AddToScheme, corev1.AddToScheme,
		apiext.AddToScheme, apireg.AddToScheme, cmapi.AddToScheme} {
		if err := add(scheme); err != nil {
			return err
		}
	}
	mgr, err := ctrl.NewManager(rest, ctrl.Options{
		Scheme:  scheme,
		Metrics: server.Options{BindAddress: "0"},
		Client:  client.Options{Cache: &client.CacheOptions{DisableFor: []client.Object{&corev1.Secret{}}}},
	})
	if err != nil {
		return err
	}
	err = cainjector.RegisterAllInjectors(ctx, mgr, cainjector.SetupOptions{
		EnabledReconcilersFor: map[string]bool{
			cainjector.MutatingWebhookConfigurationName:   true,
			cainjector.ValidatingWebhookConfigurationName: true,
		},
	})
	if err != nil {
		return err
	}
	return mgr.Start(ctx)
}
