"""Gaussian classes as a network with conditioning, of any kind of prediction; its guided flow has a
closed form."""

import numpy as np

from duhamel.sampling.predictions import form_of


class Gaussians:
    """f(x, t, i, c) with c = {"mean": (B, d), "width": (B, 1)}: data N(mean, width²) of the condition."""

    def __init__(self, predicts="eps", xp=np, convert=None):
        self.predicts, self.xp, self.asked = predicts, xp, []
        self.convert = convert or xp.asarray

    def bind(self, plan):
        form, factor = form_of(self.predicts, plan.sigma, plan.data)
        slopes = form.slopes(plan.alpha, plan.sigma)
        columns = np.broadcast_arrays(plan.alpha, plan.sigma, plan.scale_in, *slopes, factor)
        table = [self.convert(np.array(column)) for column in columns]

        def ask(x, t, i, c):
            self.asked.append(x.shape[0])
            alpha, sigma, scale, by_alpha, by_sigma, by = (column[i] for column in table)
            x = x / scale
            total = (alpha * c["width"]) ** 2 + sigma**2
            away = x - alpha * c["mean"]
            x0 = c["mean"] + alpha * c["width"] ** 2 / total * away
            return (by_alpha * away * sigma / total - by_sigma * x0) / by

        return ask


def condition(mean, width, batch=6, entries=3):
    mean = np.broadcast_to(np.asarray(mean, float), (batch, entries)).copy()
    return {"mean": mean, "width": np.full((batch, 1), float(width))}


def carried(y, high, low, w, width, wide):
    """Where guidance of weight w between N(0, width²) and N(0, wide²) takes y = x/α from ratio `high` to
    `low`."""
    narrow = (width**2 + low**2) / (width**2 + high**2)
    broad = (wide**2 + low**2) / (wide**2 + high**2)
    return y * narrow ** (w / 2) * broad ** ((1 - w) / 2)
