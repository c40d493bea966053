/* SPDX-License-Identifier: GPL-2.0-only */
/* What production drivers do differently; quirks.c says which does what. */
#ifndef DMNIC_QUIRKS_H
#define DMNIC_QUIRKS_H

/* All are numbers; those that have no other range are 0 or 1. */
struct dmn_quirks {
	int split_reported;
	int split_silent;
	int split_needs_gro_hw;
	int gro_hw_refused;
	int auto_keeps_split;
	int carrier_ms;
	int carrier_queue;
	int ring_reset;
	int ring_cut;
	int rxtx_channels;
	int no_hds_thresh;
	int hds_thresh_default;
	int hds_thresh_max;
	int ntuple;
	int locations;
	int contexts;
	int arfs_rules;
	int no_queue_ops;
	int fixed_queue0;
	int no_rx_page_size;
	int page_size_max;
	int page_size_erange;
	int rx_buf_len;
	int max_tx_frags;
	int counters_late_ms;
	int counters_restart;
	int no_hw_drops;
	int counters;
	int prefill;
	int prefill_wait_ms;
	int copybreak;
	int two_functions;
	int padded;
	int rss_reset;
	int xdp;
};

enum dmn_ring_reset {
	DMN_RING_RESET_SPLIT,	/* when the split changes */
	DMN_RING_RESET_ALWAYS,	/* at each change of rings or channels */
	DMN_RING_RESET_SIZE,	/* when a size changes; the split is not theirs */
};

enum dmn_ntuple {
	DMN_NTUPLE_ON,		/* on by default, demanded by rules */
	DMN_NTUPLE_OFF,		/* off by default, demanded by rules */
	DMN_NTUPLE_FIXED,	/* on, cannot be switched off */
	DMN_NTUPLE_ARFS,	/* off by default, rules do not need it */
	DMN_NTUPLE_REFUSED,	/* off, cannot be had; rules are refused EPERM */
	DMN_NTUPLE_PERMIT,	/* on by default; without it rules are refused EPERM */
};

enum dmn_locations {
	DMN_LOCATIONS_BOTH,	/* the user or the driver chooses */
	DMN_LOCATIONS_ANY,	/* the driver chooses, and refuses a rule twice */
	DMN_LOCATIONS_GIVEN,	/* the user chooses */
	DMN_LOCATIONS_LISTED,	/* so, and only the list tells how many exist */
	DMN_LOCATIONS_SLOTS,	/* the driver chooses the last one that is free */
};

/* Whose counters `ethtool -S` prints. */
enum dmn_counters {
	DMN_COUNTERS_NONE,
	DMN_COUNTERS_MLX5,
	DMN_COUNTERS_BNXT,
	DMN_COUNTERS_FBNIC,
	DMN_COUNTERS_GVE,
};

/* What holds; complete once dmn_quirks_init() has returned 0. */
extern struct dmn_quirks dmn_quirks;
int dmn_quirks_init(void);

#endif
