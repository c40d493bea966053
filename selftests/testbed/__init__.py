# SPDX-License-Identifier: GPL-2.0-only
"""What the tests that run inside the VM share."""
