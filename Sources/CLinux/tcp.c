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

#define IS_SAME_REQUEST(member) \
	_Static_assert(offsetof(struct CLinux_tcp_zerocopy_receive, member) == \
		       offsetof(struct tcp_zerocopy_receive, member), \
		       "struct tcp_zerocopy_receive is uAPI")

IS_SAME_REQUEST(address);
IS_SAME_REQUEST(length);
IS_SAME_REQUEST(recv_skip_hint);
IS_SAME_REQUEST(inq);
IS_SAME_REQUEST(err);
_Static_assert(CLinux_TCP_ZEROCOPY_RECEIVE == TCP_ZEROCOPY_RECEIVE, "it is uAPI");
