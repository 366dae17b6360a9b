"""Materials that the saw knows. Whatever is not known of a material makes its risk unknown.

- `kc`: feed per tooth in mm, specific cutting force in MPa: Mitsubishi Materials, Formulae for Cutting Power, table for
  milling.
- `speed`, `feed`: rim speeds in m/s and feeds per tooth in mm that makers of blades give: aluminium Sealtool, Technical
  specifications of use; steels as dry-cut blades are run (500 to 1,600 and 300 to 1,200 feet a minute, 0.0005 to 0.002
  and 0.0004 to 0.0015 inches a tooth).
- `heat`, `diffusivity`: volumetric heat capacity in J/(mm³·K), thermal diffusivity in mm²/s, of typical data of the
  alloys 5083, 7075, 1018 and 304 at room temperature.
- `limit_c`: the temperature in °C at which the work softens, or sticks to the teeth.
"""

from __future__ import annotations

from dataclasses import dataclass

AMBIENT_C = 20.0


@dataclass(frozen=True)
class Material:
    """What the formulas need of a material."""

    kc: tuple[tuple[float, float], ...]
    speed: tuple[float, float]
    feed: tuple[float, float]
    heat: float
    diffusivity: float
    limit_c: float


MATERIALS = {
    "aluminium-mg": Material(
        kc=((0.1, 580), (0.2, 480), (0.3, 400), (0.4, 350), (0.6, 320)),
        speed=(50, 90),
        feed=(0.04, 0.20),
        heat=2.39e-3,
        diffusivity=49.0,
        limit_c=350,
    ),
    "aluminium-zn-mg-cu": Material(
        kc=((0.1, 880), (0.2, 840), (0.3, 840), (0.4, 810), (0.6, 720)),
        speed=(50, 90),
        feed=(0.04, 0.20),
        heat=2.70e-3,
        diffusivity=48.2,
        limit_c=350,
    ),
    "mild-steel": Material(
        kc=((0.1, 2200), (0.2, 1950), (0.3, 1820), (0.4, 1700), (0.6, 1580)),
        speed=(2.5, 8.1),
        feed=(0.013, 0.05),
        heat=3.82e-3,
        diffusivity=13.6,
        limit_c=600,
    ),
    "stainless-steel": Material(
        kc=((0.1, 2030), (0.2, 1970), (0.3, 1900), (0.4, 1770), (0.6, 1710)),
        speed=(1.5, 6.1),
        feed=(0.010, 0.038),
        heat=4.0e-3,
        diffusivity=4.05,
        limit_c=700,
    ),
}
