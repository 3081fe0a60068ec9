"""Probes: each asks a model one thing that a benchmark does not, of held-out sounds, with a control beside it. One file a probe."""
