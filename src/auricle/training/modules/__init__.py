"""The towers in PyTorch. Nothing here keeps statistics of a batch: what a sound or text becomes does not depend on its neighbours."""
