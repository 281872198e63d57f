#include "k3s-torn.h"

#include "file.h"
#include "test.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

static void put(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

	ASSERT(fd >= 0);
	ASSERT_EQ(write_all(fd, text, strlen(text)), 0);
	(void)close(fd);
}

static void lay_out(void)
{
	static const char *const dirs[] = { "k",
					    "k/server",
					    "k/server/tls",
					    "k/server/tls/etcd",
					    "k/server/cred",
					    "k/server/db",
					    "k/server/db/etcd",
					    "k/agent",
					    "k/agent/images",
					    "k/server/tls/kube-scheduler" };

	for (size_t i = 0; i < ARRAY_SIZE(dirs); i++)
		ASSERT_EQ(mkdir(dirs[i], 0700), 0);
}

TEST(k3s_torn_removes_what_k3s_makes_anew)
{
	struct err err = { 0 };
	struct k3s_torn t;

	lay_out();
	put("k/server/tls/kube-scheduler/kube-scheduler.crt", "");
	put("k/server/tls/etcd/client.key", "");
	put("k/server/cred/scheduler.kubeconfig", "");
	put("k/server/tls/dynamic-cert.json", "");
	put("k/server/db/etcd/name", "");
	put("k/agent/client-kubelet.crt", "");
	put("k/agent/server-ca.crt", ""); /* a copy that the agent fetches again */
	ASSERT_EQ(k3s_torn_remove("k", &t, &err), 0);
	ASSERT_EQ(t.removed, 7);
	ASSERT(strstr(t.names, "kube-scheduler.crt") && strstr(t.names, "client-kubelet.crt"));
	ASSERT(access("k/server/tls/etcd/client.key", F_OK) < 0);
	ASSERT(access("k/agent/client-kubelet.crt", F_OK) < 0);
	ASSERT_EQ(k3s_torn_remove("k", &t, &err), 0);
	ASSERT_EQ(t.removed, 0);
}

TEST(k3s_torn_leaves_all_else)
{
	struct err err = { 0 };
	struct k3s_torn t;

	lay_out();
	put("k/server/tls/server-ca.key", "x");
	put("k/server/token", "");
	put("k/server/tls/.key", "");
	put("k/server/tls/name", "");
	put("k/server/db/name", "");
	put("k/server/cred/dynamic-cert.json", "");
	put("k/agent/images/a.crt", "");
	put("k/server/db/etcd/config", "");
	put("outside.key", "");
	ASSERT_EQ(symlink("../../../outside.key", "k/server/tls/linked.key"), 0);
	ASSERT_EQ(symlink("../images", "k/server/cred/folder.crt"), 0);
	ASSERT_EQ(k3s_torn_remove("k", &t, &err), 0);
	ASSERT_EQ(t.removed, 0);
	ASSERT_EQ(access("outside.key", F_OK), 0);
	ASSERT_EQ(access("k/agent/images/a.crt", F_OK), 0);
	ASSERT_EQ(access("k/server/token", F_OK), 0);
}

TEST(k3s_torn_leaves_the_identity_of_the_cluster)
{
	static const char *const kept[] = { "k/server/tls/server-ca.key",
					    "k/server/tls/client-ca.crt",
					    "k/server/tls/etcd/peer-ca.key",
					    "k/server/tls/service.key",
					    "k/server/tls/service.current.key" };
	struct err err = { 0 };
	struct k3s_torn t;

	lay_out();
	for (size_t i = 0; i < ARRAY_SIZE(kept); i++)
		put(kept[i], "");
	put("k/server/tls/client-ca.nochain.crt", "");
	ASSERT_EQ(k3s_torn_remove("k", &t, &err), 0);
	ASSERT_EQ(t.removed, 1);
	for (size_t i = 0; i < ARRAY_SIZE(kept); i++)
		ASSERT_EQ(access(kept[i], F_OK), 0);
}

TEST(k3s_torn_knows_a_node_that_never_ran_k3s)
{
	struct err err = { 0 };
	struct k3s_torn t;

	ASSERT_EQ(k3s_torn_remove("none", &t, &err), 0);
	ASSERT_EQ(t.removed, 0);
	put("file", "");
	ASSERT_EQ(k3s_torn_remove("file", &t, &err), -ENOTDIR);
	ASSERT(strstr(err.msg, "file"));
}
