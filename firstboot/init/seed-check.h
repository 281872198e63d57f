/*
 * seed-check - is this seed for this base image and this machine?
 *
 * Errors: -EKEYREJECTED with what the seed asks and what is here.
 */
#pragma once

#include "base-json.h"
#include "seed-tar.h"

#define MACHINE_MACS_MAX 16

struct machine {
	char serial[128];		 /* "" if the firmware tells none */
	char macs[MACHINE_MACS_MAX][18]; /* lower case */
	size_t macs_len;
};

/* @sysfs and @procfs: where they are mounted ("/sys", "/proc"). Never fails: what is not there is
 * empty. */
void machine_read(const char *sysfs, const char *procfs, struct machine *ret);
bool machine_has_mac(const struct machine *m, const char *mac);

/*
 * A serial and a MAC address that the seed names must both be this machine's; where the firmware
 * tells no serial the address alone decides.
 */
int seed_check(const struct seed_manifest *m, const struct base_json *base,
	       const struct machine *machine, struct err *err) MUST_CHECK;
