/*
 * secrets - .kiln/secrets: the identity of a cluster, made once by `kiln init`
 *
 * Files, all 0600 in folders of 0700, below <folder of cluster.yaml>/.kiln/secrets:
 *	cluster-id                      32 hex digits, made at random
 *	root-ca.{crt,key} intermediate-ca.{crt,key}      never leave the desk
 *	k3s/server/tls/...              exactly the tree K3s reads: server-ca.crt ...
 *	token-server, token-agent       full K10 form, one line
 *	component/<NAME>                secrets that components need (${secret:NAME})
 *	fsid                            Ceph's, once known
 *	nodes/<node>/machine-id, node-password,
 *	nodes/<node>/ssh_host_{ed25519,ecdsa,rsa}_key{,.pub}
 *
 * component/ holds garage-rpc-secret, garage-admin-token (64 hex digits), argocd-admin-password,
 * argocd-admin-password-hash (bcrypt of it), argocd-server-secretkey, argocd-redis-password.
 *
 * secrets_get() reads one of them as it is stored: text files end with a newline, those of
 * component/ are the bare values.
 * Contents are wiped by secret_done().
 */
#pragma once

#include "cluster.h"

struct secret {
	char *data; /* owned; NUL-terminated, wiped on release */
	size_t len;
};
void secret_done(struct secret *s);
#define cleanup_secret CLEANUP(secret_done)

/* -ENOENT: "run 'kiln init'", with the path. */
int secrets_get(const struct cluster *c, const char *name, struct secret *ret,
		struct err *err) MUST_CHECK;
/* Resolve {env}, {file} or {command}; the text is never part of an error. */
int secret_ref_resolve(const struct cluster *c, const struct secret_ref *ref, struct secret *ret,
		       struct err *err) MUST_CHECK;
/* Only whether it could be resolved: never runs a command, looks for its program alone. */
int secret_ref_check(const struct cluster *c, const struct secret_ref *ref,
		     struct err *err) MUST_CHECK;
/* Make what is missing for every node of the cluster; never overwrites. */
int secrets_init(const struct cluster *c, unsigned int *ret_made, struct err *err) MUST_CHECK;
/* out/known_hosts: every node's names and addresses with its three host keys; 0644, replaced. */
int secrets_known_hosts(const struct cluster *c, const char *path, struct err *err) MUST_CHECK;
