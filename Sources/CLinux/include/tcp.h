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
	uint32_t tcpi_state_to_ato[4];
	uint32_t tcpi_snd_mss;
	uint32_t tcpi_rcv_mss;
	uint32_t tcpi_unacked_to_rcv_ssthresh[11];
	uint32_t tcpi_rtt;
	uint32_t tcpi_rttvar_and_snd_ssthresh[2];
	uint32_t tcpi_snd_cwnd;
	uint32_t tcpi_advmss_to_rcv_space[4];
	uint32_t tcpi_total_retrans;
	uint64_t tcpi_pacing_rate;
	uint64_t tcpi_max_pacing_rate;
	uint64_t tcpi_bytes_acked;
	uint64_t tcpi_bytes_received;
	uint32_t tcpi_segs_out_to_data_segs_out[6];
	uint64_t tcpi_delivery_rate_to_sndbuf_limited[4];
	uint32_t tcpi_delivered_and_ce[2];
	uint64_t tcpi_bytes_sent_and_retrans[2];
	uint32_t tcpi_dsack_dups;
	uint32_t tcpi_reord_seen;
	uint32_t tcpi_rcv_ooopack;
};

/* The head of struct tcp_zerocopy_receive, and the option that takes it; tcp.c compares both. */
struct CLinux_tcp_zerocopy_receive {
	uint64_t address;
	uint32_t length;
	uint32_t recv_skip_hint;
	uint32_t inq;
	int32_t err;
};

enum { CLinux_TCP_ZEROCOPY_RECEIVE = 35 };

#endif
