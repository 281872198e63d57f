#include "k3s-log.h"

#include "test.h"

static const char *explain(const char *log)
{
	static char words[400];

	return k3s_log_explain(log, "duck", words, sizeof(words)) ? words : "";
}

TEST(k3s_log_knows_what_holds_k3s_up)
{
	/* lines of K3s 1.31 and 1.35 */
	ASSERT(strstr(explain("level=error msg=\"Node password rejected, duplicate hostname or "
			      "contents of '/etc/rancher/node/password' may not match server "
			      "node-passwd entry, try enabling a unique node name with the "
			      "--with-node-id flag\"\n"),
		      "the name 'duck' is taken"));
	ASSERT(strstr(explain("Node password rejected"), "secret duck.node-password.k3s'"));
	ASSERT_STR(explain("level=fatal msg=\"starting kubernetes: preparing server: bootstrap "
			   "data already found and encrypted with different token\"\n"),
		   "this node's data is of a cluster with another token");
	ASSERT_STR(explain("level=info msg=\"Waiting for other members to finish joining etcd "
			   "cluster: etcdserver: too many learner members in cluster\"\n"),
		   "another control-plane joins just now: K3s tries again");
	ASSERT(strstr(explain("level=fatal msg=\"starting kubernetes: preparing server: start "
			      "managed database: this "
			      "server is a not a member of the etcd cluster. Found "
			      "[a=https://192.168.14.3:2380], "
			      "expect: a=https://192.168.14.9:2380\"\n"),
		      "etcd knows this node by another address"));
	ASSERT_STR(explain("level=info msg=\"Starting k3s agent v1.35.2+k3s1\"\n"), "");
	ASSERT_STR(explain(""), "");
}

TEST(k3s_log_takes_the_newest_saying)
{
	ASSERT_STR(explain("Node password rejected\nwrite: no space left on device\n"),
		   "the disk is full");
	ASSERT(strstr(explain("no space left on device\nNode password rejected\n"), "is taken"));
}

TEST(k3s_log_stays_within_its_text)
{
	char small[24];

	for (size_t size = 1; size <= sizeof(small); size++) {
		memset(small, 'x', sizeof(small));
		ASSERT(k3s_log_explain("Node password rejected", "duck", small, size));
		ASSERT(memchr(small, '\0', size) != NULL);
		for (size_t i = size; i < sizeof(small); i++)
			ASSERT_EQ(small[i], 'x');
	}
}
