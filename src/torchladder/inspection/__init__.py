"""What is asked of data sets: checks that fold over blocks of samples, on one machine or on many."""
