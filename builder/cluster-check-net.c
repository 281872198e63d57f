/* cluster-check-net - networks, ranges and servers against each other */
#include "cluster-tables.h"

/* A node's prefix length is that of the subnet of its family. */
static void fill_prefix_lengths(struct cluster *c)
{
	for (size_t i = 0; i < c->nodes_len; i++) {
		struct prefix_list *l = &c->nodes[i].addresses;

		for (size_t k = 0; k < l->len; k++)
			for (size_t s = 0; s < c->network.subnets.len; s++)
				if (c->network.subnets.items[s].addr.family == l->items[k].addr.family)
					l->items[k].bits = c->network.subnets.items[s].bits;
	}
}

void cluster_check_net(struct check *k)
{
	fill_prefix_lengths(k->c);
}
