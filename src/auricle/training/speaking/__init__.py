"""Two heads are trained here: scenes that were composed once, what is said and asked about them, stages, and the export."""
