package main

import (
	"context"
	"time"

	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
)

// startupHooks are done before READY=1: the bindings that K3s ships, and
// what the API server itself makes late but everybody counts on.
func (srv *server) startupHooks(ctx context.Context) error {
	for _, b := range []rbacv1.ClusterRoleBinding{
		{
			ObjectMeta: metav1.ObjectMeta{Name: "kube-apiserver-kubelet-admin"},
			RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: "system:kubelet-api-admin"},
			Subjects:   []rbacv1.Subject{{APIGroup: rbacv1.GroupName, Kind: "User", Name: "kube-apiserver"}},
		},
		{
			ObjectMeta: metav1.ObjectMeta{Name: "system:k3s-controller"},
			RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: "system:node-proxier"},
			Subjects:   []rbacv1.Subject{{APIGroup: rbacv1.GroupName, Kind: "User", Name: "system:k3s-controller"}},
		},
	} {
		_, err := srv.client.RbacV1().ClusterRoleBindings().Create(ctx, &b, metav1.CreateOptions{})
		if err != nil && !apierrors.IsAlreadyExists(err) {
			return err
		}
	}
	for _, ns := range []string{metav1.NamespaceSystem, metav1.NamespaceDefault, corev1.NamespaceNodeLease} {
		if err := srv.waitNamespace(ctx, ns); err != nil {
			return err
		}
	}
	return nil
}

func (srv *server) waitNamespace(ctx context.Context, name string) error {
	for {
		_, err := srv.client.CoreV1().Namespaces().Get(ctx, name, metav1.GetOptions{})
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// labelOwnNode gives the server's Node its role labels, which a kubelet may
// not set for itself; K3s' servers do that too.
func (srv *server) labelOwnNode(ctx context.Context) {
	patch := `{"metadata":{"labels":{"node-role.kubernetes.io/control-plane":"true"}}}`
	if srv.s.etcdMode {
		patch = `{"metadata":{"labels":{"node-role.kubernetes.io/control-plane":"true","node-role.kubernetes.io/etcd":"true"}}}`
	}
	for ctx.Err() == nil {
		_, err := srv.client.CoreV1().Nodes().Patch(ctx, srv.s.nodeName, types.MergePatchType,
			[]byte(patch), metav1.PatchOptions{})
		if err == nil {
			return
		}
		time.Sleep(500 * time.Millisecond)
	}
}
