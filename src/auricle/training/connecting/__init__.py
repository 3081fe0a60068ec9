"""Ears for any language model: a frozen audio bundle's frames → a connector → a causal language model of ``transformers`` with LoRA."""
