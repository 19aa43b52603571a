# mypy: ignore-errors
"""Keras on torch."""

import os

os.environ["KERAS_BACKEND"] = "torch"

import keras
from keras import layers
from sklearn.datasets import load_digits

keras.utils.set_random_seed(0)
digits = load_digits()
pixels, labels = (digits.data / 16).astype("float32"), digits.target

model = keras.Sequential([layers.Input((64,)), layers.Dense(96, activation="relu"), layers.Dense(10)])
model.compile(
    optimizer=keras.optimizers.Adam(2e-3),
    loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
    metrics=["accuracy"],
)
model.fit(
    pixels[:1500], labels[:1500], batch_size=64, epochs=10, validation_data=(pixels[1500:], labels[1500:]), verbose=2
)
