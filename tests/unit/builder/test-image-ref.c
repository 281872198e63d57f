#include "image-ref.h"
#include "test.h"

TEST(references_as_containerd_names_them)
{
	static const char digest[] =
		"@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
	static const struct {
		const char *text, *name; /* NULL: refused */
		bool full;
	} cases[] = {
		{ "busybox:stable", "docker.io/library/busybox:stable", false },
		{ "busybox", "docker.io/library/busybox:latest", false },
		{ "coredns/coredns:1.13.1", "docker.io/coredns/coredns:1.13.1", false },
		{ "docker.io/traefik:v3.7.11", "docker.io/library/traefik:v3.7.11", true },
		{ "quay.io/ceph/ceph:v20.2.4", "quay.io/ceph/ceph:v20.2.4", true },
		{ "localhost:5000/a/b:1", "localhost:5000/a/b:1", true },
		{ "quay.io/ceph/ceph", "quay.io/ceph/ceph:latest", false },
		{ "type.googleapis.com/envoy.config", "type.googleapis.com/envoy.config:latest",
		  false },
		{ "Quay/UPPER:1", NULL, false },
		{ "https://quay.io/x:1", NULL, false },
		{ "a/b@sha256:12", NULL, false },
		{ "cilium:apps/Deployment:kube-system/x", NULL, false },
		{ "", NULL, false },
	};
	char dst[IMAGE_REF_MAX], text[200];

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		int r = image_ref_normalize(cases[i].text, dst);

		ASSERT_EQ(r, cases[i].name ? 0 : -EINVAL);
		if (cases[i].name)
			ASSERT_STR(dst, cases[i].name);
		ASSERT_EQ(image_ref_is_full(cases[i].text), cases[i].full);
	}
	(void)snprintf(text, sizeof(text), "quay.io/cilium/cilium:v1.19.6%s", digest);
	ASSERT_EQ(image_ref_normalize(text, dst), 0);
	ASSERT_STR(dst, text);
	ASSERT(image_ref_is_full(text));
	(void)snprintf(text, sizeof(text), "quay.io/cilium/cilium%s", digest);
	ASSERT_EQ(image_ref_normalize(text, dst), 0);
	ASSERT_STR(dst, text);
}
