/*
 * fat-internal - what the parts of fat share: boot sector and table (fat.c), folders (fat-dir.c),
 * files (fat-file.c)
 *
 * Clusters have numbers from 2 on; f->next leads from one to the next of its chain.
 */
#pragma once

#include "fat.h"

#define FAT_END_OF_CHAIN 0x0ffffff8u /* or more, of any width */

/* -EINVAL: the numbers on the disk make no sense. */
int fat_fail(struct err *err, const char *what) MUST_CHECK;
int fat_read_at(const struct fat *f, void *data, size_t len, uint64_t offset,
		struct err *err) MUST_CHECK;
uint64_t fat_cluster_offset(const struct fat *f, uint32_t c);
/* Length of a chain in clusters; a loop or a wild link is an error. */
int fat_chain_length(const struct fat *f, uint32_t first, uint32_t *ret,
		     struct err *err) MUST_CHECK;
/* A volume label without the blanks at its end. */
void fat_copy_label(char dst[12], const char src[11]);
/* All entries; the table is there. */
int fat_load_folders(struct fat *f, struct err *err) MUST_CHECK;
