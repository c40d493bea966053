/* SPDX-License-Identifier: GPL-2.0-only */
/* getopt_long(3), whose results are global variables that Swift 6 refuses. */
#ifndef CLINUX_OPTIONS_H
#define CLINUX_OPTIONS_H

#include <getopt.h>
#include <stdbool.h>

/* What one call of getopt_long(3) left behind. */
struct CLinux_option {
	int code;
	int optind;
	int optopt;
	const char *_Nullable optarg;
};

/* Finds the next option, or the first one if `afresh`, without printing errors. */
struct CLinux_option CLinux_getopt_long(int argc, char *_Nullable const *_Nonnull argv,
					const char *_Nonnull shortopts,
					const struct option *_Nonnull longopts, bool afresh);

#endif
