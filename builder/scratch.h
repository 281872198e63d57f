/*
 * scratch - a folder in memory, for one process and what it starts
 *
 * A root tree is made, read once and thrown away. In memory that costs no disk writes, and it
 * is gone with its process however that ends. Call scratch_mount() inside userns_run(): the
 * mount is in a namespace of its own, which nobody else sees.
 *
 * Units: bytes. There are no errors: without room, rights or wish (KILN_SCRATCH=disk) the
 * folder stays what it is.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/* True: @dir, which is there and empty, is now in memory, with room for @bytes of files. */
bool scratch_mount(const char *dir, uint64_t bytes);
/* What may be taken: half of what is available here, by the machine and by the cgroup. */
uint64_t scratch_room(void);
