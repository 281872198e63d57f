#include "neighbours.h"

#include "addr.h"

#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

#define DISCARD_PORT 9
#define GIVES_UP_MS 2000
#define REPLY_MAX 32768

/* Whether it arrives does not matter: that it must be sent makes the kernel ask. */
static void ask(const char *address)
{
	size_t len = strcspn(address, "/");
	char text[IP_TEXT_MAX];
	struct ip_addr ip;
	cleanup_close int fd = -EBADF;
	struct sockaddr_in v4 = { .sin_family = AF_INET, .sin_port = htons(DISCARD_PORT) };
	struct sockaddr_in6 v6 = { .sin6_family = AF_INET6, .sin6_port = htons(DISCARD_PORT) };

	if (len >= sizeof(text))
		return;
	(void)snprintf(text, sizeof(text), "%.*s", (int)len, address);
	if (ip_addr_parse(text, &ip) < 0)
		return;
	memcpy(&v4.sin_addr, ip.bytes, sizeof(v4.sin_addr));
	memcpy(&v6.sin6_addr, ip.bytes, sizeof(v6.sin6_addr));
	fd = socket(ip.family == IP_V6 ? AF_INET6 : AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return;
	if (ip.family == IP_V6)
		(void)sendto(fd, "", 1, MSG_DONTWAIT, (struct sockaddr *)&v6, sizeof(v6));
	else
		(void)sendto(fd, "", 1, MSG_DONTWAIT, (struct sockaddr *)&v4, sizeof(v4));
}

void neighbours_ask(const struct node_json *n)
{
	for (size_t i = 0; i < n->node.gateways.len; i++)
		ask(n->node.gateways.items[i]);
	for (size_t i = 0; i < n->peers.len; i++)
		for (size_t k = 0; k < n->peers.items[i].addresses.len; k++)
			ask(n->peers.items[i].addresses.items[k]);
}

static int open_dump(struct err *err)
{
	struct {
		struct nlmsghdr h;
		struct ndmsg m;
	} req = {
		.h = { .nlmsg_len = sizeof(req),
		       .nlmsg_type = RTM_GETNEIGH,
		       .nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP },
	};
	struct timeval tv = { .tv_sec = GIVES_UP_MS / 1000 };
	cleanup_close int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);

	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv)) < 0 ||
	    send(fd, &req, sizeof(req), 0) < 0)
		return err_errnof(err, -errno, "cannot ask the kernel for the neighbours");
	return TAKE_FD(fd);
}

/* Of ndm_confirmed, in clock ticks ago; of states that say nothing of an answer: never. */
static bool is_heard(struct nlmsghdr *h, int index, uint64_t within_ms)
{
	struct ndmsg *m = NLMSG_DATA(h);
	int len = (int)(h->nlmsg_len - NLMSG_LENGTH(sizeof(*m)));
	uint64_t hz = (uint64_t)sysconf(_SC_CLK_TCK);

	if (h->nlmsg_type != RTM_NEWNEIGH || m->ndm_ifindex != index ||
	    !(m->ndm_state & (NUD_REACHABLE | NUD_STALE | NUD_DELAY | NUD_PROBE)))
		return false;
	for (struct rtattr *at = (struct rtattr *)(void *)((char *)m + NLMSG_ALIGN(sizeof(*m)));
	     RTA_OK(at, len); at = RTA_NEXT(at, len)) {
		struct nda_cacheinfo ci;

		if (at->rta_type != NDA_CACHEINFO || RTA_PAYLOAD(at) < sizeof(ci))
			continue;
		memcpy(&ci, RTA_DATA(at), sizeof(ci));
		return ci.ndm_confirmed * UINT64_C(1000) / hz <= within_ms;
	}
	return false;
}

int neighbours_heard(const char *interface, uint64_t within_ms, bool *ret, struct err *err)
{
	cleanup_close int fd = open_dump(err);
	cleanup_free char *reply = malloc(REPLY_MAX);
	int index = (int)if_nametoindex(interface);
	bool heard = false;

	if (fd < 0)
		return fd;
	if (!reply)
		return err_nomem(err);
	for (;;) {
		ssize_t got = recv(fd, reply, REPLY_MAX, 0);
		size_t len;

		if (got < 0)
			return err_errnof(err, -errno, "the kernel does not tell the neighbours");
		len = (size_t)got;
		for (struct nlmsghdr *h = (struct nlmsghdr *)(void *)reply; NLMSG_OK(h, len);
		     h = NLMSG_NEXT(h, len)) {
			if (h->nlmsg_type == NLMSG_DONE || h->nlmsg_type == NLMSG_ERROR) {
				*ret = heard;
				return 0;
			}
			heard |= is_heard(h, index, within_ms);
		}
	}
}
