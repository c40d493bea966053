# SPDX-License-Identifier: GPL-2.0-only
"""The measurement that the token modes were proposed with."""
