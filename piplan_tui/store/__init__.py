"""Where runs are kept: the contract (`protocol`), memory, files, and control from other processes."""
