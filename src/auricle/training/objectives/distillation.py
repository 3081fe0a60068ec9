"""Distillation: hear what other models hear."""

from __future__ import annotations

from torch import Tensor, nn

from auricle.training.modules.layers import masked_mean, unit
from auricle.training.modules.towers import Batch, Towers
from auricle.training.objectives.base import Loss, Objective, Outputs, Sizes

LOSSES = ("cosine", "mse", "relational")


class Distillation(Objective):
    """Embeddings of one or several teachers (Hinton 2015, arXiv 1503.02531; relational: Park 2019, arXiv 1904.05068).

        h = mean_t h_t ,  z_k = W_k h + b_k   for teacher k with embedding e_k
        cosine       L_k = 1/n Σᵢ ( 1 − cos(zᵢ, eᵢ) )
        mse          L_k = 1/nd Σᵢ ‖zᵢ − eᵢ‖²
        relational   L_k = 1/n² Σᵢⱼ ( cos(hᵢ, hⱼ) − cos(eᵢ, eⱼ) )²         needs no W
        L = Σ_k w_k L_k / Σ_k w_k

    ``teachers``: name → weight; absent, all of the run at weight 1.
    """

    kind = "distillation"
    needs = frozenset({"audio", "teachers"})

    def __init__(self, weight: float = 1.0, loss: str = "cosine", teachers: dict[str, float] | None = None) -> None:
        super().__init__(weight)
        if loss not in LOSSES:
            raise ValueError(f"there is no loss {loss!r}; choose one of: {', '.join(LOSSES)}")
        self.loss, self.teachers = loss, teachers

    def build(self, sizes: Sizes) -> None:
        if self.teachers is None:
            self.teachers = dict.fromkeys(sizes.teachers, 1.0)
        missing = sorted(set(self.teachers) - set(sizes.teachers))
        if missing or not self.teachers:
            raise ValueError(f"data.teachers does not name {', '.join(missing) or 'a teacher'}")
        if self.loss != "relational":
            self.heads = nn.ModuleDict({name: nn.Linear(sizes.hidden, sizes.teachers[name]) for name in self.teachers})

    def forward(self, model: Towers, batch: Batch, outputs: Outputs) -> Loss:
        assert self.teachers is not None
        hidden = masked_mean(outputs["hidden"], outputs["frame_mask"])
        losses = {name: self._one(name, hidden, batch[f"teacher/{name}"].to(hidden)) for name in self.teachers}
        total = sum(self.teachers[name] * loss for name, loss in losses.items()) / sum(self.teachers.values())
        return Loss(total, {name: float(loss.detach()) for name, loss in losses.items()})

    def _one(self, name: str, hidden: Tensor, teacher: Tensor) -> Tensor:
        if self.loss == "relational":
            own, other = unit(hidden), unit(teacher)
            return (own @ own.T - other @ other.T).square().mean()
        guess = self.heads[name](hidden)
        return 1 - (unit(guess) * unit(teacher)).sum(-1).mean() if self.loss == "cosine" else (guess - teacher).square().mean()
