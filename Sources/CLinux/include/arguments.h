/* SPDX-License-Identifier: GPL-2.0-only */
/* The command line, as main gets it. */
#ifndef CLINUX_ARGUMENTS_H
#define CLINUX_ARGUMENTS_H

int CLinux_argument_count(void);
/* The program's name is at place 0. */
const char *_Nonnull CLinux_argument(int place);

#endif
