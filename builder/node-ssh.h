/*
 * node-ssh - how the desk's ssh comes to a node
 *
 * By the node's own address or by a forwarded port; without questions, and with the host keys that
 * `kiln init` made: nothing is trusted on first use.
 *
 * Ownership: all is borrowed; argv points into the struct, which must not move while it is in use.
 */
#pragma once

#include "forwards.h"

struct node_ssh_way {
	const char *user, *known_hosts;
	const char *identity;		 /* ssh's key file; NULL: what ssh finds */
	const char *host;		 /* NULL: the node's first address; not with forwards */
	const struct forwards *forwards; /* NULL: the nodes' own addresses */
};
struct node_ssh {
	const char *argv[32]; /* for spawn.h */
	char port[16], host[IP_TEXT_MAX], alias[300], known[4200];
};
/* Whether a way leads there: a node may have no forwarded port. */
bool node_ssh_leads(const struct node_ssh_way *way, const struct node *n);
/* ssh that runs @command, a line for the login's shell, on @n. */
void node_ssh_prepare(struct node_ssh *ret, const struct node_ssh_way *way, const struct node *n,
		      const char *command);
