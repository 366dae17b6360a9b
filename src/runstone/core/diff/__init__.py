"""What differs between two runs, from their journals and kept files: pure folds, and how the answer reads as text."""
