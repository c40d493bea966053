// SPDX-License-Identifier: GPL-2.0-only
#include "arguments.h"

static int count;
static char *_Nullable *words;

/* glibc gives main's arguments to the constructors, too (csu/libc-start.c, call_init). */
__attribute__((constructor)) static void keep(int argc, char **argv)
{
	count = argc;
	words = argv;
}

int CLinux_argument_count(void)
{
	return count;
}

const char *CLinux_argument(int place)
{
	return words[place];
}
