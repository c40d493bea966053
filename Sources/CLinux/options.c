// SPDX-License-Identifier: GPL-2.0-only
#define _GNU_SOURCE
#include "options.h"

#include <stddef.h>

struct CLinux_option CLinux_getopt_long(int argc, char *const *argv, const char *shortopts,
					const struct option *longopts, bool afresh)
{
	struct CLinux_option found = { 0 };

	/* 0 makes glibc forget the cluster that an earlier scan stopped in. */
	if (afresh)
		optind = 0;
	opterr = 0;
	optarg = NULL;
	found.code = getopt_long(argc, argv, shortopts, longopts, NULL);
	found.optind = optind;
	found.optopt = optopt;
	found.optarg = optarg;
	return found;
}
