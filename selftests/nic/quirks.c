// SPDX-License-Identifier: GPL-2.0-only
/*
 * Personalities: the habits of production drivers that a tool meets, and that
 * a driver written for one tool does not have by itself. A personality is a
 * table of quirks; a quirk that is given as a parameter of its own overrides it.
 * The places are those of Linux 7.3, below drivers/net/ethernet.
 */
#include <linux/module.h>
#include <linux/sizes.h>

#include "dmnic.h"

struct dmn_quirks dmn_quirks;

#define DMN_NUM_QUIRKS	(sizeof(dmn_quirks) / sizeof(int))

/* Those that have a parameter of their own, by their place in dmn_quirks. */
static DECLARE_BITMAP(dmn_given, DMN_NUM_QUIRKS);

static int dmn_set_quirk(const char *text, const struct kernel_param *param)
{
	int *quirk = param->arg;
	int value, err;

	err = kstrtoint(text, 0, &value);
	if (err)
		return err;
	if (value < -1)
		return -EINVAL;
	/* -1: as the personality has it. */
	if (value >= 0) {
		set_bit(quirk - (int *)&dmn_quirks, dmn_given);
		WRITE_ONCE(*quirk, value);
	}
	return 0;
}

static const struct kernel_param_ops dmn_quirk = {
	.set	= dmn_set_quirk,
	.get	= param_get_int,
};

module_param_cb(split_reported, &dmn_quirk, &dmn_quirks.split_reported, 0444);
MODULE_PARM_DESC(split_reported, "the split is reported as on, configured or not, and cannot be turned off");

module_param_cb(split_silent, &dmn_quirk, &dmn_quirks.split_silent, 0444);
MODULE_PARM_DESC(split_silent, "the split is not reported, so that the core reports what is configured");

module_param_cb(split_needs_gro_hw, &dmn_quirk, &dmn_quirks.split_needs_gro_hw, 0444);
MODULE_PARM_DESC(split_needs_gro_hw, "the split is refused unless rx-gro-hw is on, which is off at load");

module_param_cb(gro_hw_refused, &dmn_quirk, &dmn_quirks.gro_hw_refused, 0444);
MODULE_PARM_DESC(gro_hw_refused, "rx-gro-hw cannot be switched on");

module_param_cb(auto_keeps_split, &dmn_quirk, &dmn_quirks.auto_keeps_split, 0444);
MODULE_PARM_DESC(auto_keeps_split, "the automatic split leaves the split as it is");

module_param_cb(carrier_ms, &dmn_quirk, &dmn_quirks.carrier_ms, 0444);
MODULE_PARM_DESC(carrier_ms, "each change of rings takes the carrier down for so many milliseconds");

module_param_cb(carrier_queue, &dmn_quirk, &dmn_quirks.carrier_queue, 0444);
MODULE_PARM_DESC(carrier_queue, "so does each start and stop of a queue");

module_param_cb(ring_reset, &dmn_quirk, &dmn_quirks.ring_reset, 0444);
MODULE_PARM_DESC(ring_reset, "rings are re-created when: 0 the split changes, 1 always, 2 a size changes");

module_param_cb(ring_cut, &dmn_quirk, &dmn_quirks.ring_cut, 0444);
MODULE_PARM_DESC(ring_cut, "the split halves the receive ring (1), and the channels (2)");

module_param_cb(rxtx_channels, &dmn_quirk, &dmn_quirks.rxtx_channels, 0444);
MODULE_PARM_DESC(rxtx_channels, "channels are receive and transmit ones, none is combined");

module_param_cb(no_hds_thresh, &dmn_quirk, &dmn_quirks.no_hds_thresh, 0444);
MODULE_PARM_DESC(no_hds_thresh, "there is no threshold for the header split");

module_param_cb(hds_thresh_default, &dmn_quirk, &dmn_quirks.hds_thresh_default, 0444);
MODULE_PARM_DESC(hds_thresh_default, "threshold of the header split at load");

module_param_cb(hds_thresh_max, &dmn_quirk, &dmn_quirks.hds_thresh_max, 0444);
MODULE_PARM_DESC(hds_thresh_max, "largest threshold of the header split");

module_param_cb(ntuple, &dmn_quirk, &dmn_quirks.ntuple, 0444);
MODULE_PARM_DESC(ntuple, "the feature: 0 on, 1 off, 2 fixed, 3 means aRFS, 4 refused, 5 on, rules without it EPERM");

module_param_cb(locations, &dmn_quirk, &dmn_quirks.locations, 0444);
MODULE_PARM_DESC(locations, "of rules: 0 any or given, 1 any, 2 given, 3 given and only the list has the size, 4 the last free");

module_param_cb(contexts, &dmn_quirk, &dmn_quirks.contexts, 0444);
MODULE_PARM_DESC(contexts, "RSS contexts beside the default one");

module_param_cb(arfs_rules, &dmn_quirk, &dmn_quirks.arfs_rules, 0644);
MODULE_PARM_DESC(arfs_rules, "other rules come and go by themselves while rules are listed");

module_param_cb(no_queue_ops, &dmn_quirk, &dmn_quirks.no_queue_ops, 0444);
MODULE_PARM_DESC(no_queue_ops, "queue operations without callbacks");

module_param_cb(fixed_queue0, &dmn_quirk, &dmn_quirks.fixed_queue0, 0444);
MODULE_PARM_DESC(fixed_queue0, "queue 0 cannot be restarted");

module_param_cb(no_rx_page_size, &dmn_quirk, &dmn_quirks.no_rx_page_size, 0444);
MODULE_PARM_DESC(no_rx_page_size, "there is no choice of rx-page-size");

module_param_cb(page_size_max, &dmn_quirk, &dmn_quirks.page_size_max, 0444);
MODULE_PARM_DESC(page_size_max, "largest rx-page-size");

module_param_cb(page_size_erange, &dmn_quirk, &dmn_quirks.page_size_erange, 0444);
MODULE_PARM_DESC(page_size_erange, "another rx-page-size is refused ERANGE, without a word");

module_param_cb(rx_buf_len, &dmn_quirk, &dmn_quirks.rx_buf_len, 0444);
MODULE_PARM_DESC(rx_buf_len, "bytes of a receive buffer, reported, and of a piece of payload (0: a page, not reported)");

module_param_cb(max_tx_frags, &dmn_quirk, &dmn_quirks.max_tx_frags, 0444);
MODULE_PARM_DESC(max_tx_frags, "largest number of fragments that a frame may have (0: any)");

module_param_cb(counters_late_ms, &dmn_quirk, &dmn_quirks.counters_late_ms, 0444);
MODULE_PARM_DESC(counters_late_ms, "queue counters are a snapshot of at most this age in milliseconds");

module_param_cb(counters_restart, &dmn_quirk, &dmn_quirks.counters_restart, 0444);
MODULE_PARM_DESC(counters_restart, "counters begin at 0 with each restart of rings or of a queue");

module_param_cb(no_hw_drops, &dmn_quirk, &dmn_quirks.no_hw_drops, 0444);
MODULE_PARM_DESC(no_hw_drops, "the queue's drops are not counted");

module_param_cb(counters, &dmn_quirk, &dmn_quirks.counters, 0444);
MODULE_PARM_DESC(counters, "what ethtool -S prints: 0 nothing, the counters of 1 mlx5, 2 bnxt, 3 fbnic, 4 gve");

module_param_cb(prefill, &dmn_quirk, &dmn_quirks.prefill, 0444);
MODULE_PARM_DESC(prefill, "a queue takes so many buffers at once when it is started");

module_param_cb(prefill_wait_ms, &dmn_quirk, &dmn_quirks.prefill_wait_ms, 0444);
MODULE_PARM_DESC(prefill_wait_ms, "a start waits so long for the buffers of all queues");

module_param_cb(copybreak, &dmn_quirk, &dmn_quirks.copybreak, 0444);
MODULE_PARM_DESC(copybreak, "payload of so many bytes is copied where no memory is bound (0: no such tunable)");

module_param_cb(two_functions, &dmn_quirk, &dmn_quirks.two_functions, 0444);
MODULE_PARM_DESC(two_functions, "odd queues belong to another DMA device");

module_param_cb(padded, &dmn_quirk, &dmn_quirks.padded, 0444);
MODULE_PARM_DESC(padded, "short frames are padded, and longer ones (2: all) come with a sum of all bytes");

module_param_cb(rss_reset, &dmn_quirk, &dmn_quirks.rss_reset, 0444);
MODULE_PARM_DESC(rss_reset, "each change of an RSS table re-creates the rings");

module_param_cb(xdp, &dmn_quirk, &dmn_quirks.xdp, 0444);
MODULE_PARM_DESC(xdp, "the device has XDP of its own");

static char *personality = "plain";
module_param(personality, charp, 0444);
MODULE_PARM_DESC(personality, "plain, mlx5, bnxt, bnxt-vf, fbnic or gve");

struct dmn_personality {
	const char *name;
	struct dmn_quirks quirks;
};

/* Broadcom: a physical function whose firmware can restart queues. */
#define DMN_BNXT_CARD \
	/* bnxt_ethtool.c:831, 870 */ \
	.split_reported		= 1, \
	/* bnxt_ethtool.c:879 */ \
	.ring_reset		= DMN_RING_RESET_ALWAYS, \
	.xdp			= 1, \
	/* bnxt.c:12166, 13183: close and open, the link comes by an event */ \
	.carrier_ms		= 100, \
	/* bnxt.c:4887 */ \
	.hds_thresh_default	= 640, \
	/* bnxt.h:2857 */ \
	.hds_thresh_max		= 1023, \
	/* bnxt_ethtool.c:1549, 1824 */ \
	.locations		= DMN_LOCATIONS_ANY, \
	/* bnxt.h:767 */ \
	.page_size_max		= SZ_32K, \
	/* bnxt.c:16343 */ \
	.page_size_erange	= 1, \
	/* bnxt.c:8658, 10625: the card writes them once a second */ \
	.counters_late_ms	= 1200, \
	.no_hw_drops		= 1, \
	.counters		= DMN_COUNTERS_BNXT, \
	/* bnxt.c:4895: the default ring's pages, here a quarter */ \
	.prefill		= 512, \
	/* bnxt_ethtool.c:2038 */ \
	.rss_reset		= 1

static const struct dmn_personality personalities[] = {
	{
		.name = "plain",
		.quirks = {
			.hds_thresh_max		= DMN_HDS_THRESH_MAX,
			.ntuple			= DMN_NTUPLE_ON,
			.locations		= DMN_LOCATIONS_BOTH,
			.contexts		= DMN_MAX_CONTEXTS - 1,
			.page_size_max		= DMN_MAX_PAGE_SIZE,
		},
	}, {
		/* ConnectX-7 or BlueField-3 in NIC mode */
		.name = "mlx5",
		.quirks = {
			/* mellanox/mlx5/core/en_ethtool.c:361 */
			.split_silent		= 1,
			/* en_ethtool.c:399, en_main.c:4624, 5948 */
			.split_needs_gro_hw	= 1,
			/* en_ethtool.c:446 */
			.ring_reset		= DMN_RING_RESET_SIZE,
			.xdp			= 1,
			/* en_main.c:3336: off and on again in one go */
			.carrier_ms		= 1,
			/* en_ethtool.c:379 */
			.hds_thresh_default	= 0,
			.hds_thresh_max		= 0,
			/* en_main.c:5964, en_fs_ethtool.c */
			.ntuple			= DMN_NTUPLE_ARFS,
			/* en_fs_ethtool.c: no RX_CLS_LOC_SPECIAL */
			.locations		= DMN_LOCATIONS_LISTED,
			/* en/rss.h: MLX5E_MAX_NUM_RSS less the default one */
			.contexts		= 15,
			/* en_main.c:5826 */
			.page_size_max		= DMN_MAX_PAGE_SIZE,
			/* en_main.c:5683 */
			.page_size_erange	= 1,
			.no_hw_drops		= 1,
			.counters		= DMN_COUNTERS_MLX5,
			/* en_main.c:3041: two work queue entries of 256 KiB */
			.prefill		= 128,
			/* en.h: MLX5E_RQ_WQES_TIMEOUT */
			.prefill_wait_ms	= 20000,
			/* en_rx.c:1396, 1404 */
			.padded			= 1,
		},
	}, {
		.name = "bnxt",
		.quirks = {
			DMN_BNXT_CARD,
			/* bnxt.c:17270, bnxt_ethtool.c:1547 */
			.ntuple			= DMN_NTUPLE_PERMIT,
			/* bnxt.h:1345 */
			.contexts		= 32,
		},
	}, {
		/* A virtual function, and a physical one of older firmware */
		.name = "bnxt-vf",
		.quirks = {
			DMN_BNXT_CARD,
			/* bnxt_ethtool.c:1535 */
			.ntuple			= DMN_NTUPLE_REFUSED,
			/* bnxt.h:2560 */
			.contexts		= 0,
			/* bnxt.c:16674, bnxt.h:2565 */
			.no_queue_ops		= 1,
		},
	}, {
		.name = "fbnic",
		.quirks = {
			/* meta/fbnic/fbnic_ethtool.c:311, 360 */
			.split_reported		= 1,
			/* fbnic_ethtool.c:376 */
			.ring_reset		= DMN_RING_RESET_ALWAYS,
			.xdp			= 1,
			/* fbnic_txrx.h:65 */
			.hds_thresh_default	= 1536,
			.hds_thresh_max		= 3584,
			/* fbnic_netdev.c:819 */
			.ntuple			= DMN_NTUPLE_FIXED,
			/* fbnic_ethtool.c:873, 892, 924 */
			.locations		= DMN_LOCATIONS_SLOTS,
			/* fbnic_csr.h:785, less the default one */
			.contexts		= 1,
			/* fbnic_netdev.c: queue operations without QCFG_RX_PAGE_SIZE */
			.no_rx_page_size	= 1,
			.counters		= DMN_COUNTERS_FBNIC,
			/* fbnic_txrx.h: FBNIC_PPQ_SIZE_DEFAULT */
			.prefill		= 256,
		},
	}, {
		/* DQO RDA with the options BUFFER_SIZES and FLOW_STEERING */
		.name = "gve",
		.quirks = {
			/* google/gve/gve_main.c:2148 */
			.auto_keeps_split	= 1,
			/* gve_ethtool.c:633 */
			.ring_reset		= DMN_RING_RESET_ALWAYS,
			.xdp			= 1,
			/* gve_main.c:1457, 1503, 1928: by the service task */
			.carrier_ms		= 1,
			/* gve_main.c:2651, 2729 */
			.carrier_queue		= 1,
			/* gve_ethtool.c:495, 513 */
			.rxtx_channels		= 1,
			/* gve_ethtool.c:984 */
			.no_hds_thresh		= 1,
			/* gve_adminq.c:998, gve_ethtool.c:823 */
			.ntuple			= DMN_NTUPLE_OFF,
			/* gve_flow_rule.c: no RX_CLS_LOC_SPECIAL */
			.locations		= DMN_LOCATIONS_GIVEN,
			.contexts		= 0,
			/* gve_main.c:2647 */
			.fixed_queue0		= 1,
			/* gve_main.c:2766: no QCFG_RX_PAGE_SIZE */
			.no_rx_page_size	= 1,
			/* gve.h:62 */
			.rx_buf_len		= SZ_2K,
			/* gve_tx_dqo.c:955, 1018: ten less the headers */
			.max_tx_frags		= 9,
			/* gve_main.c:117, 2671 */
			.counters_restart	= 1,
			.no_hw_drops		= 1,
			.counters		= DMN_COUNTERS_GVE,
			/* gve_rx_dqo.c: the ring less one, here a quarter */
			.prefill		= 256,
			/* gve_main.c:31 */
			.copybreak		= 256,
		},
	},
};

int dmn_quirks_init(void)
{
	int *to = (int *)&dmn_quirks;
	const int *from;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(personalities); i++)
		if (sysfs_streq(personality, personalities[i].name))
			break;
	if (i == ARRAY_SIZE(personalities)) {
		pr_err("dmnic: there is no personality %s\n", personality);
		return -EINVAL;
	}
	from = (const int *)&personalities[i].quirks;
	for (i = 0; i < DMN_NUM_QUIRKS; i++)
		if (!test_bit(i, dmn_given))
			to[i] = from[i];
	/* A threshold that nobody can set is none. */
	if (dmn_quirks.no_hds_thresh)
		dmn_quirks.hds_thresh_default = 0;
	return 0;
}
