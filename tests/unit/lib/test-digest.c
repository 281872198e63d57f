#include "digest.h"
#include "file.h"
#include "fault.h"
#include "test.h"

#include <fcntl.h>

TEST(sha256_of_the_fips_examples)
{
	static const struct {
		const char *in, *hex;
	} cases[] = {
		{ "", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855" },
		{ "abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad" },
		{ "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
		  "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1" },
	};
	char hex[SHA256_HEX_MAX];

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		ASSERT_STR(sha256_mem_hex(cases[i].in, strlen(cases[i].in), hex), cases[i].hex);
}

TEST(sha256_in_pieces_equals_sha256_at_once)
{
	char data[1000], whole[SHA256_HEX_MAX], pieces[SHA256_HEX_MAX];

	for (size_t i = 0; i < sizeof(data); i++)
		data[i] = (char)(i * 7);
	(void)sha256_mem_hex(data, sizeof(data), whole);
	for (size_t step = 1; step < 130; step += 3) {
		struct sha256 s;

		sha256_init(&s);
		for (size_t at = 0; at < sizeof(data); at += step)
			sha256_update(&s, data + at,
				      at + step > sizeof(data) ? sizeof(data) - at : step);
		ASSERT_STR(sha256_final_hex(&s, pieces), whole);
	}
}

TEST(sha256_of_a_file)
{
	struct err err = { 0 };
	char hex[SHA256_HEX_MAX];

	ASSERT_OK(file_replace_at(AT_FDCWD, "f", "abc", 3, 0644, &err), &err);
	ASSERT_OK(sha256_file_at(AT_FDCWD, "f", hex, &err), &err);
	ASSERT_STR(hex, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
	ASSERT_EQ(sha256_file_at(AT_FDCWD, "missing", hex, &err), -ENOENT);
	ASSERT_STR(err.msg, "cannot open 'missing': No such file or directory");
	ASSERT_EQ(sha256_file_at(AT_FDCWD, ".", hex, &err), -EISDIR);
}

static int digest_file(void *arg, struct err *err)
{
	return sha256_file_at(AT_FDCWD, "f", arg, err);
}

TEST(sha256_of_a_file_under_every_fault)
{
	struct err err = { 0 };
	char hex[SHA256_HEX_MAX];

	ASSERT_OK(file_replace_at(AT_FDCWD, "f", "abc", 3, 0644, &err), &err);
	ASSERT_EQ(fault_loop(digest_file, fault_must_fail, hex), 5); /* open, heap, three reads */
	ASSERT_STR(hex, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}
