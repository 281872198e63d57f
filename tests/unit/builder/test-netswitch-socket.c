#include "netswitch.h"
#include "fault.h"
#include "test.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/un.h>

TEST(netswitch_has_a_last_port)
{
	cleanup_netswitch struct netswitch *s = NULL;
	struct err err = { 0 };
	int fds[2];

	ASSERT_OK(netswitch_new(NULL, &s, &err), &err);
	for (int i = 0; i < NETSWITCH_PORTS_MAX; i++) {
		ASSERT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
		ASSERT_OK(netswitch_add(s, fds[0], &err), &err);
	}
	ASSERT_EQ(netswitch_add(s, dup(fds[1]), &err), -EMFILE);
	ASSERT_STR(err.msg, "the switch has 32 ports, all in use");
}

TEST(netswitch_survives_every_failing_call)
{
	for (long n = 0;; n++) {
		struct netswitch *s = NULL;
		struct err err = { 0 };
		int fds[2], r;

		ASSERT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
		fault_arm(n);
		r = netswitch_new("f.sock", &s, &err);
		if (r >= 0)
			r = netswitch_add(s, fds[0], &err);
		else
			(void)close(fds[0]);
		bool failed = fault_disarm();

		ASSERT(failed ? r < 0 && err.msg[0] : r >= 0);
		netswitch_free(s);
		(void)close(fds[1]);
		ASSERT_EQ(access("f.sock", F_OK), -1);
		if (!failed) {
			ASSERT(n >= 3);
			return;
		}
	}
}

TEST(netswitch_takes_over_a_socket_that_nobody_listens_on)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX, .sun_path = "old.sock" };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	cleanup_netswitch struct netswitch *s = NULL;
	struct err err = { 0 };

	ASSERT_EQ(bind(fd, (struct sockaddr *)&a, sizeof(a)), 0);
	(void)close(fd);
	ASSERT_OK(netswitch_new("old.sock", &s, &err), &err);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	ASSERT_EQ(connect(fd, (struct sockaddr *)&a, sizeof(a)), 0);
	(void)close(fd);
	fd = open("file.sock", O_CREAT | O_CLOEXEC, 0600); /* a file is no socket */
	ASSERT(fd >= 0 && close(fd) == 0);
	struct netswitch *none = NULL;
	ASSERT_EQ(netswitch_new("file.sock", &none, &err), -EADDRINUSE);
	ASSERT_EQ(access("file.sock", F_OK), 0);
}
