#include "node-ssh.h"

#include <string.h>

#define SSH_PORT 22

/* 0: none leads there. */
static unsigned int port_of(const struct node_ssh_way *way, const struct node *n)
{
	if (!way->forwards)
		return SSH_PORT;
	for (size_t i = 0; i < way->forwards->len; i++)
		if (way->forwards->items[i].node == n)
			return way->forwards->items[i].ssh;
	return 0;
}

bool node_ssh_leads(const struct node_ssh_way *way, const struct node *n)
{
	return port_of(way, n) != 0;
}

void node_ssh_prepare(struct node_ssh *ret, const struct node_ssh_way *way, const struct node *n,
		      const char *command)
{
	const char *host = way->forwards ? "127.0.0.1" : way->host;

	(void)snprintf(ret->port, sizeof(ret->port), "%u", port_of(way, n));
	if (!host) {
		(void)ip_addr_format(&n->addresses.items[0].addr, ret->host);
		host = ret->host;
	}
	(void)snprintf(ret->alias, sizeof(ret->alias), "HostKeyAlias=%s", n->name);
	(void)snprintf(ret->known, sizeof(ret->known), "UserKnownHostsFile=\"%s\"",
		       way->known_hosts);
	/* no key given: -T twice, which is without effect, stands where it would */
	const char *const argv[] = { "ssh",
				     "-T",
				     way->identity ? "-i" : "-T",
				     way->identity ? way->identity : "-T",
				     "-o",
				     "BatchMode=yes",
				     "-o",
				     "StrictHostKeyChecking=yes",
				     "-o",
				     "GlobalKnownHostsFile=/dev/null",
				     "-o",
				     "ConnectTimeout=20",
				     "-o",
				     "ServerAliveInterval=15",
				     "-o",
				     ret->known,
				     "-o",
				     ret->alias,
				     "-l",
				     way->user,
				     "-p",
				     ret->port,
				     "--",
				     host,
				     command,
				     NULL };
	_Static_assert(sizeof(argv) <= sizeof(ret->argv), "too many words");
	memcpy(ret->argv, argv, sizeof(argv));
}
