"""What recording costs: floor, peers and Runstone measured in one go, reported as ratios.

`python -m bench` measures, `python -m bench.table` turns the results into Markdown. Nothing here asserts a
time.
"""
