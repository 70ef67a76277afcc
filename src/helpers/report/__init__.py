"""What a chapter reports: its numbers, claims, tables and figures."""

from helpers.report.ledger import Report

__all__ = ["Report"]
