"""The longer examples of the documentation, as files, so that they are checked and run."""
