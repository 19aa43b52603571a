"""One real batch after all transforms: its picture, its figures, and whether it is what a model and a loss want."""
