#include "api-door.h"

#include "test.h"

#include <arpa/inet.h>
#include <sys/socket.h>

static const char *url(const char *address)
{
	static char text[API_URL_MAX];

	return api_url_of(address, text, sizeof(text)) < 0 ? "(none)" : text;
}

TEST(api_url_of_an_address_with_or_without_prefix)
{
	ASSERT_STR(url("192.168.14.4/26"), "https://192.168.14.4:6443");
	ASSERT_STR(url("192.168.14.4"), "https://192.168.14.4:6443");
	ASSERT_STR(url("fd12:3456:789a:14::4/64"), "https://[fd12:3456:789a:14::4]:6443");
	ASSERT_STR(url("cow"), "(none)");
	ASSERT_STR(url(""), "(none)");
	ASSERT_STR(url("1111111111111111111111111111111111111111111111111111111111111111111111111"),
		   "(none)");
}

TEST(api_door_tells_an_open_from_a_closed_one)
{
	struct sockaddr_in sa = { .sin_family = AF_INET,
				  .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(sa);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	char text[64];

	ASSERT_EQ(bind(fd, (struct sockaddr *)&sa, sizeof(sa)), 0);
	ASSERT_EQ(getsockname(fd, (struct sockaddr *)&sa, &len), 0);
	(void)snprintf(text, sizeof(text), "https://127.0.0.1:%u", ntohs(sa.sin_port));
	ASSERT_EQ(api_door_try(text, 5000), -ECONNREFUSED);
	ASSERT_EQ(listen(fd, 1), 0);
	ASSERT_EQ(api_door_try(text, 5000), 0);
	/* a name with another address that refuses: ::1 of localhost, where there is one */
	(void)snprintf(text, sizeof(text), "https://localhost:%u", ntohs(sa.sin_port));
	ASSERT_EQ(api_door_try(text, 5000), 0);
	ASSERT_EQ(close(fd), 0);
	ASSERT_EQ(api_door_try(text, 5000), -ECONNREFUSED);
	ASSERT_EQ(api_door_try("http://127.0.0.1:80", 100), -EINVAL);
	ASSERT_EQ(api_door_try("https://127.0.0.1", 100), -EINVAL);
}
