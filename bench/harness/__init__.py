# SPDX-License-Identifier: MIT
"""The parts of bench/compare: allocators, rows, runner, report, targets."""
