/*
 * runner - run a fuzz target over files without a fuzzer
 *
 * Each file goes in as it is, cut at 64 places, and 256 times with bytes changed by a generator
 * with a fixed seed: the same inputs on every machine.
 * usage: fuzz-NAME FILE...
 */
#include "macros.h"

#include <string.h>

#define INPUT_MAX ((size_t)1 << 20)
#define MUTATE_MAX ((size_t)64 << 10) /* larger files go in as they are */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static unsigned long inputs;

/* A copy of exactly that length: a read beyond its end is seen by ASan and valgrind. */
static void give(const uint8_t *data, size_t len)
{
	uint8_t *copy = malloc(len ? len : 1);

	if (!copy)
		abort();
	memcpy(copy, data, len);
	(void)LLVMFuzzerTestOneInput(copy, len);
	free(copy);
	inputs++;
}

static uint32_t next_random(uint32_t *state)
{
	*state = *state * 1664525u + 1013904223u;
	return *state >> 8;
}

static void mutate(uint8_t *data, size_t len)
{
	uint32_t state = 1;

	for (unsigned int i = 0; i < 64; i++)
		give(data, len * i / 64);
	for (unsigned int i = 0; i < 256 && len > 0; i++) {
		size_t at[4];
		uint8_t old[4];

		for (size_t k = 0; k < 4; k++) {
			at[k] = next_random(&state) % len;
			old[k] = data[at[k]];
			data[at[k]] = (uint8_t)next_random(&state);
		}
		give(data, len);
		for (size_t k = 4; k-- > 0;)
			data[at[k]] = old[k];
	}
}

int main(int argc, char **argv)
{
	uint8_t *data = malloc(INPUT_MAX);

	if (!data || argc < 2)
		return 2;
	for (int i = 1; i < argc; i++) {
		FILE *f = fopen(argv[i], "rb");
		size_t len;

		if (!f) {
			fprintf(stderr, "cannot open '%s'\n", argv[i]);
			return 2;
		}
		len = fread(data, 1, INPUT_MAX, f);
		(void)fclose(f);
		fprintf(stderr, "%s\n", argv[i]); /* the last line names the file that broke it */
		give(data, len);
		if (len <= MUTATE_MAX)
			mutate(data, len);
	}
	free(data);
	printf("%d files, %lu inputs\n", argc - 1, inputs);
	return 0;
}
