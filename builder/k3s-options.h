/*
 * k3s-options - what k3s.config may hold
 *
 * A table of K3s' options (server and agent, as of v1.35): where each belongs, its kind,
 * the first Kubernetes minor that knows it, and, where Kiln derives it, the key of
 * cluster.yaml that does. Options for servers alone are written on control-planes only;
 * an agent does not start with them.
 */
#pragma once

#include "decode.h"

enum k3s_role { K3S_SERVER = 1 << 0, K3S_BOTH = 1 << 0 | 1 << 1, K3S_AGENT = 1 << 1 };
enum k3s_kind { K3S_BOOL, K3S_INT, K3S_TEXT, K3S_LIST /* text or a list of it */ };

struct k3s_option {
	const char *name;
	unsigned int roles; /* enum k3s_role */
	enum k3s_kind kind;
	unsigned int since;  /* Kubernetes 1.<since>; 0: always */
	const char *derived; /* what decides it instead, NULL: free */
};

/* NULL: K3s has no such option. */
const struct k3s_option *k3s_option_find(const char *name);
/* Whether a control-plane (or worker) takes it. */
bool k3s_option_for(const struct k3s_option *o, enum node_role role);
/* Minor of "v1.35.2+k3s1": 35; 0 when it is none. */
unsigned int k3s_version_minor(const char *version);

/* k3s.config as json_t *; names, kinds and derived options are checked on decoding. */
extern const struct field_type type_k3s_config;
/* The options that are too new for c->k3s.version. */
void k3s_config_check(struct decode *d, const struct cluster *c, const struct ynode *config);
