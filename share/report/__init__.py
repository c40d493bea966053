# SPDX-License-Identifier: GPL-2.0-only
"""What `ncdevmem-report` is made of: documents read, runs compared, pages and pictures drawn."""
