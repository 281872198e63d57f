/*
 * kubeconfig - an admin's kubeconfig, signed at the desk by the cluster's client CA
 *
 * Contents are secret: the caller wipes them (struct secret).
 */
#pragma once

#include "secrets.h"

/*
 * A client certificate of group system:masters, valid from a day ago for @valid_s seconds from
 * now, in a kubeconfig whose server is @server ("https://...:6443"). -ERANGE: it would outlive
 * the client CA.
 */
int kubeconfig_make(const struct cluster *c, const char *server, uint64_t valid_s,
		    struct secret *ret, struct err *err) MUST_CHECK;
/*
 * The same as PEM: the CA that the API server's certificate is checked with, the client's
 * certificate and its key.
 */
int kubeconfig_admin(const struct cluster *c, uint64_t valid_s, struct secret *ret_ca,
		     struct secret *ret_crt, struct secret *ret_key, struct err *err) MUST_CHECK;
/* cluster.api, else the first control-plane's first address; owned by the caller. */
int kubeconfig_server(const struct cluster *c, char **ret, struct err *err) MUST_CHECK;
