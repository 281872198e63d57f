#include "base-arch.h"
#include "test.h"

TEST(arch_translates_triplet_loader_and_qualifier)
{
	static const struct {
		const char *from, *to;
	} cases[] = {
		{ "/usr/lib/x86_64-linux-gnu/libx.so", "/usr/lib/aarch64-linux-gnu/libx.so" },
		{ "/lib64/ld-linux-x86-64.so.2.usr-is-merged",
		  "/lib/ld-linux-aarch64.so.1.usr-is-merged" },
		{ "libc6:amd64", "libc6:arm64" },
		{ "pkg amd64 stays", "pkg amd64 stays" },
		{ "", "" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		cleanup_buf struct buf b = BUF_INIT(4096), back = BUF_INIT(4096);

		ASSERT_EQ(arch_translate(&b, cases[i].from, deb_arch_find("amd64"),
					 deb_arch_find("arm64")),
			  0);
		ASSERT_STR(buf_str(&b), cases[i].to);
		ASSERT_EQ(arch_translate(&back, buf_str(&b), deb_arch_find("arm64"),
					 deb_arch_find("amd64")),
			  0);
		ASSERT_STR(buf_str(&back), cases[i].from);
	}
	ASSERT(!deb_arch_find("riscv64"));
	ASSERT(deb_arch_desk());
	ASSERT(arch_named_in("/etc/x-amd64", deb_arch_find("amd64")));
	ASSERT(!arch_named_in("/etc/x-arm64", deb_arch_find("amd64")));
}
