"""Training: one recipe (YAML) says data, model, objectives, optimiser and budget; a run makes checkpoints and a bundle.

``recipe``      what a run is, checked before anything is loaded (needs no torch)
``modules/``    the towers in PyTorch           ``objectives/``  what is learned, one short file each
``feed``        items → batches, a pure function of (seed, epoch, step)
``loop``        the run                         ``export``       towers → a bundle that ``auricle.load`` takes

Everything but ``recipe`` needs ``pip install "auricle[train]"``.
"""
