#include "qemu-net.h"

#include "buf.h"

#include <arpa/inet.h>
#include <sys/socket.h>

/* The cluster's own subnets, so that the node's static addresses fit; the host is the gateway. */
static int add_family4(const struct cluster *c, struct buf *b, struct err *err)
{
	char net[IP_TEXT_MAX], gateway[IP_TEXT_MAX], dns[IP_TEXT_MAX];
	struct ip_prefix p = c->network.subnets.items[0];
	struct ip_addr a = { 0 };
	int r;

	ip_prefix_network(&p, &p.addr);
	/* slirp wants an address of its own for DNS; its default, the third, may be a node's */
	r = ip_prefix_nth(&p, (UINT64_C(1) << (32 - p.bits)) - 2, &a);
	if (r < 0)
		return err_setf(err, r, "subnet '%s' is too small for QEMU's network",
				ip_prefix_format(&p, net));
	buf_addf(b, ",net=%s,host=%s,dns=%s", ip_prefix_format(&p, net),
		 ip_addr_format(&c->network.gateways.items[0], gateway), ip_addr_format(&a, dns));
	return 0;
}

static int add_family6(const struct cluster *c, struct buf *b, struct err *err)
{
	char net[IP_TEXT_MAX], gateway[IP_TEXT_MAX], dns[IP_TEXT_MAX];
	struct ip_prefix p = c->network.subnets.items[1];
	struct ip_addr a = { 0 };
	int r;

	ip_prefix_network(&p, &p.addr);
	r = ip_prefix_nth(&p, 0xfffe, &a);
	if (r < 0)
		return err_setf(err, r, "subnet '%s' is too small for QEMU's network",
				ip_prefix_format(&p, net));
	buf_addf(b, ",ipv6-net=%s,ipv6-host=%s,ipv6-dns=%s", ip_prefix_format(&p, net),
		 ip_addr_format(&c->network.gateways.items[1], gateway), ip_addr_format(&a, dns));
	return 0;
}

int qemu_user_net(const struct cluster *c, const char *id, const struct qemu_forward *forwards,
		  size_t len, char **ret, struct err *err)
{
	cleanup_buf struct buf b = BUF_INIT(16384);
	int r;

	buf_addf(&b, "user,id=%s", id);
	r = add_family4(c, &b, err);
	if (r == 0 && c->network.subnets.len > 1 && c->network.gateways.len > 1)
		r = add_family6(c, &b, err);
	if (r < 0)
		return r;
	for (size_t i = 0; i < len; i++) {
		char node[IP_TEXT_MAX];

		buf_addf(&b, ",hostfwd=tcp:127.0.0.1:%u-%s:%u", forwards[i].port,
			 ip_addr_format(&forwards[i].node->addresses.items[0].addr, node),
			 forwards[i].to);
	}
	*ret = buf_steal(&b, NULL);
	return *ret ? 0 : err_nomem(err);
}

int qemu_uplink_init(struct qemu_uplink *u, const struct cluster *c, const char *program,
		     const char *socket_path, const struct qemu_forward *forwards, size_t len,
		     struct err *err)
{
	int r = qemu_user_net(c, "up", forwards, len, &u->user, err);

	if (r < 0)
		return r;
	if (asprintf(&u->segment, "stream,id=segment,server=off,addr.type=unix,addr.path=%s",
		     socket_path) < 0) {
		u->segment = NULL;
		return err_nomem(err);
	}
	const char *const argv[QEMU_UPLINK_ARGS] = {
		program,    "-machine",
		"none",	    "-nodefaults",
		"-display", "none",
		"-netdev",  u->user,
		"-netdev",  u->segment,
		"-netdev",  "hubport,id=hub1,hubid=0,netdev=up",
		"-netdev",  "hubport,id=hub2,hubid=0,netdev=segment",
	};
	for (size_t i = 0; i < QEMU_UPLINK_ARGS; i++)
		u->argv[i] = argv[i];
	return 0;
}

void qemu_uplink_done(struct qemu_uplink *u)
{
	free(u->user);
	free(u->segment);
	*u = (struct qemu_uplink){ 0 };
}

int qemu_free_port(unsigned int *ret, struct err *err)
{
	cleanup_close int fd = neg_errno(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(a);

	if (fd < 0 || bind(fd, (struct sockaddr *)&a, sizeof(a)) < 0 ||
	    getsockname(fd, (struct sockaddr *)&a, &len) < 0)
		return err_errnof(err, -errno, "cannot find a free port");
	*ret = ntohs(a.sin_port);
	return 0;
}
