"""Build your own: a connector, and LoRA, between an audio bundle and any causal language model of ``transformers``."""
