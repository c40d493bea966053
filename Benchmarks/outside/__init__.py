# SPDX-License-Identifier: GPL-2.0-only
"""What the benchmarks that boot a VM themselves share, on this side of it."""
