#include "image-names.h"

#include "json.h"
#include "test.h"

#define A "@sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define B "@sha256:bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"

/* As kubelets write it: the names of one image together. */
static const char node[] =
	"[{\"names\":[\"quay.io/cilium/cilium" A "\",\"quay.io/cilium/cilium:v1.19.6\"],"
	"\"sizeBytes\":1},"
	"{\"names\":[\"docker.io/library/busybox:latest\"],\"sizeBytes\":2},"
	"{\"sizeBytes\":3},{\"names\":[7,null]}]";

static bool is_there(const char *want)
{
	struct err err = { 0 };
	cleanup_json json_t *images = NULL;

	ASSERT_OK(js_read(node, strlen(node), &images, &err), &err);
	return image_is_listed(images, want);
}

TEST(image_names_are_found_by_name_or_digest)
{
	ASSERT(is_there("quay.io/cilium/cilium:v1.19.6"));
	ASSERT(is_there("docker.io/library/busybox:latest"));
	ASSERT(is_there("quay.io/cilium/cilium:v1.19.6" A));
	ASSERT(is_there("quay.io/cilium/cilium" A));
	ASSERT(is_there("mirror.example/cilium:other" A));	/* the same content */
	ASSERT(is_there("docker.io/library/busybox:latest" B)); /* no digest known: the name */
	ASSERT(!is_there("quay.io/cilium/cilium:v1.19.6" B));	/* another content of that name */
	ASSERT(!is_there("quay.io/cilium/cilium" B));
	ASSERT(!is_there("quay.io/cilium/cilium:v1.19"));
	ASSERT(!is_there("quay.io/cilium/cilium:v1.19.60"));
	ASSERT(!is_there("busybox:latest"));
	ASSERT(!is_there(""));
	ASSERT(!image_is_listed(NULL, "a:b"));
}
