// SPDX-License-Identifier: GPL-2.0-only
/*
 * Faults, all off unless asked for. Those that shape the device are read when
 * the module is loaded; the others can be changed at any time and apply to
 * frames that were steered to a receive queue of either port.
 */
#include <linux/atomic.h>
#include <linux/module.h>

#include "dmnic.h"

struct dmn_fault {
	unsigned int every;
	atomic_t count;
};

struct dmn_fault dmn_drop, dmn_corrupt, dmn_plain;

module_param_named(drop_every, dmn_drop.every, uint, 0644);
MODULE_PARM_DESC(drop_every, "drop each nth frame");

module_param_named(corrupt_every, dmn_corrupt.every, uint, 0644);
MODULE_PARM_DESC(corrupt_every, "flip a payload byte of each nth TCP data frame, unseen by TCP");

module_param_named(plain_every, dmn_plain.every, uint, 0644);
MODULE_PARM_DESC(plain_every, "do not split each nth TCP data frame");

unsigned int dmn_linear_bytes;
module_param_named(linear_bytes, dmn_linear_bytes, uint, 0644);
MODULE_PARM_DESC(linear_bytes, "payload bytes that a split leaves with the headers");

bool dmn_refuse_5tuple;
module_param_named(refuse_5tuple, dmn_refuse_5tuple, bool, 0644);
MODULE_PARM_DESC(refuse_5tuple, "refuse flow rules that match both addresses and both ports");

bool dmn_refuse_ntuple;
module_param_named(refuse_ntuple, dmn_refuse_ntuple, bool, 0444);
MODULE_PARM_DESC(refuse_ntuple, "have no flow rules at all");

bool dmn_hds_private_flag;
module_param_named(hds_private_flag, dmn_hds_private_flag, bool, 0444);
MODULE_PARM_DESC(hds_private_flag, "switch the header split by the private flag enable-header-split only");

/* Is this the nth time? */
bool dmn_fault(struct dmn_fault *fault)
{
	unsigned int every = READ_ONCE(fault->every);

	return every && (u32)atomic_inc_return(&fault->count) % every == 0;
}
