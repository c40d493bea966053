// SPDX-License-Identifier: GPL-2.0-only
#include "build.h"

__attribute__((weak)) const char *CLinux_build_commit(void)
{
	return "unknown";
}
