"""Random numbers as a function of (seed, epoch, sample): the same in any order, in any worker, after any resume.

Counter-based, after Salmon et al., "Parallel random numbers: as easy as 1, 2, 3" (2011); the mixing function is
SplitMix64 (Steele et al., 2014).
"""

import contextlib
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

GOLDEN = 0x9E3779B97F4A7C15
MASK = (1 << 64) - 1


def mixed(z: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Return SplitMix64's finalizer of each number."""
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return z ^ (z >> np.uint64(31))


def bits(seed: int, epoch: int, index: NDArray[np.int64], stream: int) -> NDArray[np.uint64]:
    """Return 64 random bits a sample.

    Args:
        seed: Of the training.
        epoch: Of the training.
        index: Numbers of the samples.
        stream: What they are for; two purposes never share their numbers.
    """
    with np.errstate(over="ignore"):
        start = np.array([(seed * GOLDEN + stream) & MASK], dtype=np.uint64)
        state = mixed(mixed(start + np.uint64(GOLDEN)) ^ np.uint64(epoch & MASK))
        return mixed(state + index.astype(np.uint64) * np.uint64(GOLDEN))


def uniforms(seed: int, epoch: int, index: NDArray[np.int64], stream: int) -> NDArray[np.float64]:
    """Return a number in [0, 1) a sample."""
    return (bits(seed, epoch, index, stream) >> np.uint64(11)).astype(np.float64) * 2.0**-53


@contextlib.contextmanager
def torch_seeded(seed: int, epoch: int, index: int, stream: int) -> Iterator[None]:
    """Let torch's global generator on the CPU draw what belongs to one sample; afterwards it is as it was."""
    import torch

    state = torch.get_rng_state()
    word = int(bits(seed, epoch, np.array([index]), stream)[0])
    torch.default_generator.manual_seed(word >> 1)
    try:
        yield
    finally:
        torch.set_rng_state(state)
