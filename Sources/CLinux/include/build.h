/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef CLINUX_BUILD_H
#define CLINUX_BUILD_H

/*
 * The commit of the build: "unknown", unless what is linked has a definition of
 * its own. So a commit is linked again, and nothing is compiled.
 */
const char *CLinux_build_commit(void);

#endif
