"""Seedbed: the Seedance video-generation API as open-source software that anyone can run."""

__version__ = "0.1.0"
