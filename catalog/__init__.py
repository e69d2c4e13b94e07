"""What people bring: projects, datasets, images, labels. Knows nothing of analysis."""
