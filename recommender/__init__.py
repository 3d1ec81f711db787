"""Matches donors with nonprofits that serve immigrants and refugees."""
