/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The kernel's account of a TCP connection, as far as it is needed. The headers
 * of glibc end earlier, and cannot be included beside those of the kernel.
 */
#ifndef CLINUX_TCP_H
#define CLINUX_TCP_H

#include <stdint.h>

/* The head of struct tcp_info; tcp.c compares the two. */
struct CLinux_tcp_info {
	uint32_t tcpi_state_and_options[17];
	uint32_t tcpi_rtt;
	uint32_t tcpi_rttvar_to_rcv_space[7];
	uint32_t tcpi_total_retrans;
	uint64_t tcpi_pacing_rate;
	uint64_t tcpi_max_pacing_rate;
	uint64_t tcpi_bytes_acked;
};

#endif
