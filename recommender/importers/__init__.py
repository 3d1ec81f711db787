"""Readers of source files, one module per format, each giving models or saying what is wrong."""
