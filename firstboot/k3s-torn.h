/*
 * k3s-torn - files of K3s that a power cut has emptied
 *
 * K3s and the Kubernetes within write certificates, keys and kubeconfigs without syncing them. A
 * power cut up to half a minute later leaves their names with nothing behind them (seen on Btrfs
 * with controller-manager's certificate), and K3s ends at every start, for ever. What is
 * missing it makes anew: an empty one is removed before K3s is started.
 *
 * Touched are regular files of no bytes that end in .crt, .key or .kubeconfig, in server/tls and
 * what is below it, server/cred and agent, never through a link; and server/tls/dynamic-cert.json
 * (empty, K3s stays "activating" for ever: k3s-io/k3s issue 14220) and server/db/etcd/name (K3s
 * would call etcd's member "": setName in pkg/etcd/etcd.go makes one up only without the file). The
 * CAs and the service account's keys in server/tls stay even when they are empty: K3s would make
 * others without a word, and nobody would trust them. The seed's are synced when they are written,
 * so they are not torn.
 */
#pragma once

#include "err.h"

#include <stddef.h>

struct k3s_torn {
	size_t removed;
	char names[256]; /* of the first ones, "a b c" */
};

/* @data_dir: K3s' data folder, as the kernel sees it; one that is not there has none. */
int k3s_torn_remove(const char *data_dir, struct k3s_torn *ret, struct err *err) MUST_CHECK;
