// SPDX-License-Identifier: GPL-2.0-only
/*
 * XDP as drivers have it: a program of the device, refused where the device
 * cannot have it. The kernel's own loop for generic programs runs it, over
 * frames that the host can read.
 */
#include <linux/bpf.h>
#include <linux/filter.h>

#include "dmnic.h"

static int dmn_xdp_set(struct dmn_port *port, struct bpf_prog *prog,
		       struct netlink_ext_ack *extack)
{
	struct bpf_prog *old;

	if (prog && dmn_quirks.split_needs_gro_hw &&
	    port->dev->features & NETIF_F_GRO_HW)
		return -EINVAL;
	if (prog && dmn_quirks.auto_keeps_split && port->split) {
		NL_SET_ERR_MSG(extack, "there is no XDP while headers are split");
		return -EOPNOTSUPP;
	}
	/* The core has taken the reference, and admits one at a time. */
	old = rcu_replace_pointer(port->xdp, prog, true);
	if (old)
		bpf_prog_put(old);
	return 0;
}

int dmn_bpf(struct net_device *dev, struct netdev_bpf *bpf)
{
	if (bpf->command != XDP_SETUP_PROG)
		return -EINVAL;
	return dmn_xdp_set(netdev_priv(dev), bpf->prog, bpf->extack);
}

/* May the stack have the frame? If not, it is gone. In NAPI. */
bool dmn_xdp_pass(struct dmn_port *port, struct sk_buff **skb)
{
	struct bpf_prog *prog = rcu_dereference_bh(port->xdp);

	if (likely(!prog) || !skb_frags_readable(*skb))
		return true;
	return do_xdp_generic(prog, skb) == XDP_PASS;
}
