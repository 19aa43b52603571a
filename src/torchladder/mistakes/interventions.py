"""What to do about a bucket of mistakes, by what they have in common."""

from torchladder.mistakes.bucket import Bucket

RARE = (
    "collect more of it, weight it in the loss or sample it more often; an offset to its score costs nothing and "
    "repairs a part; report balanced accuracy beside accuracy"
)
BY_KIND = {
    "pair": "look at 20 of them side by side: unclear even to you, write down the rule or merge the classes; clear, "
    "give the model what you look at (a larger picture, another feature, more samples of both)",
    "class": "look at 20 of them: if they have nothing in common, collect more of this class and vary what there is",
    "rare class": RARE,
    "group": "collect more of this group, look for what is different about it, split the data by it and weigh it in",
    "length": "sample such lengths more often in training, and see that nothing needed is cut off or padded away",
    "confidence": "look at these before all others: wrong labels, copies and shortcuts gather among them",
    "label": "read the listed ones again and correct the labels, in the held-out data first; train with a loss that "
    "forgives some of them",
    "copies": "decide which label is right and give it to every copy; keep one of them",
    "threshold": "move the threshold to the value given, chosen on validation data and kept for the test",
}
BY_PROPERTY = {
    (
        "sharpness",
        "at most",
    ): "augment training with blur of that strength; see how these pictures are taken or resized",
    ("sharpness", "at least"): "augment training with noise and sharpening; see how these pictures are made",
    ("brightness", ""): "augment training with brightness of that range, and normalise each picture",
    ("contrast", ""): "augment training with contrast of that range, and normalise each picture",
    ("pixels", ""): "augment training with pictures scaled to such sizes, and see what resizing does to them",
    ("aspect", ""): "see what resizing does to such shapes: pad or crop instead of stretching them",
}
OTHER = "sample such values more often in training, and look at 20 of the mistakes for what they share"


def intervention(bucket: Bucket) -> str:
    """Return what to do about a bucket."""
    if bucket.kind in BY_KIND:
        return BY_KIND[bucket.kind]
    for (start, side), words in BY_PROPERTY.items():
        if bucket.name.startswith(start) and side in bucket.name:
            return words
    return OTHER
