"""Systems measured on the same examples: tables, baselines, reports."""
