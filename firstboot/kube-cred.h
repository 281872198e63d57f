/*
 * kube-cred - how this node proves who it is to the API server
 *
 * A control-plane reads the admin credentials that K3s writes to k3s.yaml; a
 * worker has the kubelet's identity alone. Keys stay in memory and are wiped by
 * kube_cred_done(). Paths are below root_fd, so that tests need no real root.
 * Errors: -ENOENT while K3s has not written the files yet.
 */
#pragma once

#include "kube.h"

/* /etc/rancher/k3s/k3s.yaml: server, CA, client certificate and key. */
int kube_cred_from_k3s_yaml(int root_fd, const char *path, struct kube_cred *ret,
			    struct err *err) MUST_CHECK;
/* <data_dir>/agent: server-ca.crt, client-kubelet.crt, client-kubelet.key; url is the caller's. */
int kube_cred_from_kubelet(int root_fd, const char *data_dir, const char *url,
			   struct kube_cred *ret, struct err *err) MUST_CHECK;
