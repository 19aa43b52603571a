"""Training by a recipe: data, model, optimizer, augmentation and loop from one file, with a record of what was done."""
