#include "net-services.h"

#include "test.h"

#include <arpa/inet.h>
#include <pthread.h>
#include <sys/socket.h>

static int open_udp(const char *address, uint16_t *port)
{
	struct sockaddr_in sa = { .sin_family = AF_INET, .sin_port = htons(*port) };
	socklen_t len = sizeof(sa);
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	ASSERT_EQ(inet_pton(AF_INET, address, &sa.sin_addr), 1);
	ASSERT_EQ(bind(fd, (struct sockaddr *)&sa, sizeof(sa)), 0);
	ASSERT_EQ(getsockname(fd, (struct sockaddr *)&sa, &len), 0);
	*port = ntohs(sa.sin_port);
	return fd;
}

/* A server that gives every question back. */
static void *serve(void *arg)
{
	struct sockaddr_in from;
	socklen_t len = sizeof(from);
	char text[512];
	ssize_t n = recvfrom(*(int *)arg, text, sizeof(text), 0, (struct sockaddr *)&from, &len);

	if (n > 0)
		(void)!sendto(*(int *)arg, text, (size_t)n, 0, (struct sockaddr *)&from, len);
	return NULL;
}

TEST(net_services_tell_who_is_silent)
{
	char *dns[] = { (char *)(uintptr_t) "127.0.0.1", (char *)(uintptr_t) "127.0.0.2" };
	char *ntp[] = { (char *)(uintptr_t) "127.0.0.3", (char *)(uintptr_t) "by.name.example" };
	struct node_json n = { .node.dns = { dns, 2 }, .node.ntp = { ntp, 2 } };
	uint16_t port = 0;
	int answers = open_udp("127.0.0.1", &port), silent = open_udp("127.0.0.2", &port);
	pthread_t t;
	char text[200];

	ASSERT(silent >= 0);
	ASSERT_EQ(pthread_create(&t, NULL, serve, &answers), 0);
	/* 127.0.0.3 has nobody at that port: a refusal is no service */
	net_services_tell(&n, port, port, text, sizeof(text));
	ASSERT_STR(text,
		   "DNS server 127.0.0.2 does not answer, NTP server 127.0.0.3 does not answer");
	ASSERT_EQ(pthread_join(t, NULL), 0);
	net_services_tell(&(struct node_json){ 0 }, port, port, text, sizeof(text));
	ASSERT_STR(text, "");
}
