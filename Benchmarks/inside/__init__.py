# SPDX-License-Identifier: GPL-2.0-only
"""What `bench` measures, and how, inside the VM."""
