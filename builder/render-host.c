/* render-host - who the node is: hostname, hosts, machine-id, resolv.conf */
#include "render.h"

#include "buf.h"
#include "derive.h"

#include <string.h>

#define RESOLVERS_MAX 3 /* glibc and the kubelet read no more */
#define FQDN_MAX 300

static int hosts(const struct render *in, struct fileset *fs, struct err *err)
{
	const struct cluster *c = in->cluster;
	cleanup_buf struct buf b = BUF_INIT(NODE_FILE_MAX);
	char addr[IP_TEXT_MAX], name[FQDN_MAX];
	int r;

	(void)buf_adds(&b,
		       "127.0.0.1 localhost\n"
		       "::1 localhost ip6-localhost ip6-loopback\n"
		       "ff02::1 ip6-allnodes\n"
		       "ff02::2 ip6-allrouters\n"
		       "\n"
		       "# The nodes of the cluster, so that they find each other without DNS.\n");
	for (size_t i = 0; i < c->nodes_len; i++) {
		const struct node *n = &c->nodes[i];

		for (size_t a = 0; a < n->addresses.len; a++) {
			(void)buf_addf(&b, "%s %s",
				       ip_addr_format(&n->addresses.items[a].addr, addr),
				       node_fqdn(c, n, name, sizeof(name)));
			if (c->domain)
				(void)buf_addf(&b, " %s", n->name);
			if (c->api && n->role == ROLE_CONTROL_PLANE)
				(void)buf_addf(&b, " %s", c->api);
			(void)buf_addc(&b, '\n');
		}
	}
	r = buf_error(&b);
	if (r < 0)
		return err_errnof(err, r, "cannot render /etc/hosts");
	return fileset_addf(fs, "/etc/hosts", 0644, 0, err, "%s", buf_str(&b));
}

/* Static: NetworkManager leaves the file alone (overlays/common). */
static int resolv_conf(const struct render *in, struct fileset *fs, struct err *err)
{
	const struct cluster *c = in->cluster;
	cleanup_buf struct buf servers = BUF_INIT(NODE_FILE_MAX);
	char addr[IP_TEXT_MAX];
	int r;

	for (size_t i = 0; i < c->network.dns.len && i < RESOLVERS_MAX; i++)
		(void)buf_addf(&servers, "nameserver %s\n",
			       ip_addr_format(&c->network.dns.items[i], addr));
	r = buf_error(&servers);
	if (r < 0)
		return err_errnof(err, r, "cannot render /etc/resolv.conf");
	r = fileset_addf(fs, "/etc/resolv.conf", 0644, 0, err, "%s%s%s%s",
			 c->domain ? "search " : "", c->domain ?: "", c->domain ? "\n" : "",
			 buf_str(&servers));
	if (r < 0)
		return r;
	/* For the kubelet: without the search domain, which pods would append to every
	 * outside name. */
	return fileset_addf(fs, "/etc/rancher/k3s/resolv.conf", 0644, 0, err, "%s",
			    buf_str(&servers));
}

int render_host(const struct render *in, struct fileset *fs, struct err *err)
{
	cleanup_free char *secret = NULL;
	int r;

	if (asprintf(&secret, "nodes/%s/machine-id", in->node->name) < 0)
		return err_nomem(err);
	r = fileset_addf(fs, "/etc/hostname", 0644, 0, err, "%s\n", in->node->name);
	if (r < 0)
		return r;
	r = hosts(in, fs, err);
	if (r < 0)
		return r;
	r = resolv_conf(in, fs, err);
	if (r < 0)
		return r;
	/* Made by kiln init: no boot counts as first, no preset is applied. */
	return render_secret(in, fs, "/etc/machine-id", 0444, secret, err);
}
