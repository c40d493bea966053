// SPDX-License-Identifier: GPL-2.0-only
#include "tcp.h"

#include <linux/tcp.h>
#include <stddef.h>

#define IS_SAME(member) \
	_Static_assert(offsetof(struct CLinux_tcp_info, member) == \
		       offsetof(struct tcp_info, member), "struct tcp_info is uAPI")

IS_SAME(tcpi_snd_mss);
IS_SAME(tcpi_rcv_mss);
IS_SAME(tcpi_rtt);
IS_SAME(tcpi_snd_cwnd);
IS_SAME(tcpi_total_retrans);
IS_SAME(tcpi_pacing_rate);
IS_SAME(tcpi_bytes_acked);
IS_SAME(tcpi_reord_seen);
IS_SAME(tcpi_rcv_ooopack);
