"""What is computed on the datasets: descriptors, comparisons, review, splits."""
